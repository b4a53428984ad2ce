import { ArgumentError, optim, tensor, TreeError } from '../../lib';

const params = { a: tensor([1, 2]), b: tensor(3) };

test('transformations follow one another, each with its own state', () => {
  const both = optim.chain(optim.scale(2), optim.trace(0.5), optim.scale(-1));
  let state = both.init({ p: tensor([7]) });
  expect(state).toHaveLength(3);
  const seen: unknown[] = [];
  for (const gradient of [1, 0]) {
    const [updates, next] = both.update({ p: tensor([gradient]) }, state);
    seen.push(updates.p.toArray());
    state = next;
  }
  expect(seen).toEqual([[-2], [-1]]);
});

test('an empty chain changes nothing', () => {
  const none = optim.chain();
  expect(none.update(params, none.init(params))).toEqual([params, []]);
});

test('what is no transformation, and states of another chain, are refused', () => {
  expect(() => optim.chain(optim.scale(1), {} as never)).toThrow(
    new ArgumentError('optim.chain: expected [1] to be a gradient transformation, got object {}.'),
  );
  expect(() => optim.chain(null as never)).toThrow(ArgumentError);
  const adam = optim.adam(0.1);
  expect(() => adam.update(params, [])).toThrow(
    new TreeError(
      'optim.chain: expected an array of 2 states, got array of 0. Pass what init or the last update returned.',
    ),
  );
});
