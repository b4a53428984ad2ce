import { ArgumentError, nn, optim, random, tensor, tree, TreeError, type Tensor } from '../../lib';

const updates = { a: tensor([1]), b: [tensor([2]), null] };

test('a mask is a prefix of the tree, or a function that makes one', () => {
  const mask = { a: true, b: false };
  for (const given of [mask, () => mask]) {
    const step = optim.masked(optim.scale(10), given);
    const [scaled, state] = step.update(updates, step.init(updates));
    expect([scaled.a.toArray(), scaled.b[0]!.toArray(), scaled.b[1]]).toEqual([[10], [2], null]);
    expect(state).toEqual({ innerState: {} });
  }
});

test('no state is kept for what is masked out', () => {
  const { innerState } = optim.masked(optim.trace(0.9), { a: false, b: true }).init(updates) as {
    innerState: { trace: Readonly<Record<string, unknown>> };
  };
  expect(innerState.trace['a']).toBeNull();
  expect(tree.leaves(innerState).length).toBe(1);
});

test('weights decay and biases do not', () => {
  const layer = new nn.Linear(2, 2, { key: random.key(0) });
  const zeros = tree.map((leaf: Tensor) => leaf.zerosLike(), layer);
  const decay = optim.addDecayedWeights(0.5, {
    mask: (t: unknown) => tree.map((leaf: unknown): unknown => (leaf as Tensor).ndim > 1, t),
  });
  const [changed] = decay.update(zeros, decay.init(layer), layer);
  expect(changed.weight.toArray()).toEqual(layer.weight.mul(0.5).toArray());
  expect(changed.bias?.toArray()).toEqual([0, 0]);
});

test('masks that are no booleans, or no prefix, are refused', () => {
  expect(() => optim.masked(optim.scale(1), { a: 1, b: true }).init(updates)).toThrow(
    new ArgumentError("optim.masked: expected a mask of booleans, got leaf of type number at ['a']."),
  );
  expect(() => optim.masked(optim.scale(1), { a: true }).init(updates)).toThrow(TreeError);
});
