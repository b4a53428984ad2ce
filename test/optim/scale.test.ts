import { optim, tensor, TreeError } from '../../lib';

const updates = { a: tensor([1, -2]), b: null };

test('scale multiplies by a number or a tensor, and keeps null', () => {
  for (const factor of [3, tensor(3)]) {
    const step = optim.scale(factor);
    const [scaled, state] = step.update(updates, step.init(updates));
    expect([scaled.a.toArray(), scaled.b, state]).toEqual([[3, -6], null, {}]);
  }
});

test('a factor in another precision does not change the dtype', () => {
  const half = tensor([1, -2], { dtype: 'float16' });
  const step = optim.scale(tensor(3));
  expect(step.update(half, step.init(half))[0].dtype).toBe('float16');
});

test('scaleBySchedule counts from 0', () => {
  const step = optim.scaleBySchedule((count) => count.add(1));
  let state = step.init(updates);
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const [scaled, next] = step.update(updates, state);
    seen.push(scaled.a.toArray());
    state = next;
  }
  expect(seen).toEqual([
    [1, -2],
    [2, -4],
    [3, -6],
  ]);
});

test('scaleByLearningRate goes downhill, unless told otherwise', () => {
  for (const rate of [0.5, tensor(0.5), () => 0.5, () => tensor(0.5)]) {
    const down = optim.scaleByLearningRate(rate);
    expect(down.update(updates, down.init(updates))[0].a.toArray()).toEqual([-0.5, 1]);
    const up = optim.scaleByLearningRate(rate, { flipSign: false });
    expect(up.update(updates, up.init(updates))[0].a.toArray()).toEqual([0.5, -1]);
  }
});

test('a count stays at the largest int32', () => {
  const step = optim.scaleBySchedule(() => 1);
  const count = tensor(2 ** 31 - 1, { dtype: 'int32' });
  const [, state] = step.update(updates, { count });
  expect((state as { count: typeof count }).count.item()).toBe(2 ** 31 - 1);
});

test('states of another transformation are refused', () => {
  expect(() => optim.scaleBySchedule(() => 1).update(updates, {})).toThrow(
    new TreeError(
      'optim.scaleBySchedule: expected a state {count}, got object {}. Pass what init or the last update returned.',
    ),
  );
});
