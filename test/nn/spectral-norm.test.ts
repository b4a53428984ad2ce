import { filterGrad, filterJit, nn, ops, random, tree, treeAt, type Tensor } from '../../lib';
import { expectClose } from '../support/close';

const key = random.key(7);
type Norm = nn.SpectralNorm<nn.Linear>;

/** The largest singular value of what a layer multiplies by. */
function largest(norm: Norm, state: nn.State): number {
  const copy = (): nn.State => tree.map((leaf: unknown) => leaf, state as never);
  const columns = [...ops.eye(6)].map((x) => norm.forward(x, { state: copy(), inference: true })[0]);
  return ops.linalgSvdvals(ops.stack(columns)).index(0).item() as number;
}

test('a hundred steps bring the largest singular value to 1, also after the weight has changed', () => {
  const layer = new nn.Linear(6, 5, { useBias: false, key });
  const [norm, first] = nn.makeWithState(nn.SpectralNorm<nn.Linear>)(layer, { key });
  const changed = treeAt((one: Norm) => one.layer.weight, norm, random.normal(random.key(8), [5, 6]));
  const step = filterJit((one: Norm, state: nn.State) => one.forward(ops.ones([6]), { state })[1]);
  let state = first;
  for (let i = 0; i < 100; i++) state = step(changed, state);
  expect(largest(changed, state)).toBeCloseTo(1, 4);
});

test('inference leaves the state as it is', () => {
  const [norm, state] = nn.makeWithState(nn.SpectralNorm<nn.Linear>)(new nn.Linear(6, 5, { key }), { key });
  const before = tree.leaves(state).map((leaf) => (leaf as Tensor).toArray());
  const [, same] = norm.forward(ops.ones([6]), { state, inference: true });
  expect(tree.leaves(same).map((leaf) => (leaf as Tensor).toArray())).toEqual(before);
});

test('the gradient goes through the largest singular value: along the weight it is 0', () => {
  const layer = new nn.Linear(6, 5, { useBias: false, dtype: 'float64', key });
  const [norm, state] = nn.makeWithState(nn.SpectralNorm<nn.Linear>)(layer, { key });
  const loss = (one: Norm): Tensor =>
    one
      .forward(ops.ones([6], { dtype: 'float64' }), { state, inference: true })[0]
      .square()
      .sum();
  const { weight } = filterGrad(loss)(norm).layer;
  // The result does not depend on how long the weight is.
  expectClose(weight.mul(layer.weight).sum(), 0, { atol: 1e-12 });
});
