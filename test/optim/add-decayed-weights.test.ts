import { ArgumentError, optim, tensor } from '../../lib';

const updates = { a: tensor([1, 2]), b: null };
const params = { a: tensor([10, 20]), b: Math.abs };

test('parameters times a factor are added; what has no update may be anything', () => {
  for (const factor of [0.5, tensor(0.5), () => 0.5, () => tensor(0.5)]) {
    const step = optim.addDecayedWeights(factor);
    const [changed] = step.update(updates, step.init(params), params);
    expect([changed.a.toArray(), changed.b]).toEqual([[6, 12], null]);
  }
});

test('the factor 0 changes nothing', () => {
  const step = optim.addDecayedWeights();
  expect(step.update(updates, step.init(params), params)[0]).toBe(updates);
});

test('parameters are required', () => {
  const step = optim.addDecayedWeights(0.1);
  expect(() => step.update(updates, step.init(params))).toThrow(
    new ArgumentError(
      'optim.addDecayedWeights: expected the parameters as the third argument of update, got undefined. Call update(grads, state, model).',
    ),
  );
});
