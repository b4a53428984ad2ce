import { filterGrad, filterJit, filterVmap, nn, ops, random, tree, type Tensor } from '../../lib';
import { expectClose } from '../support/close';

const axes = { inAxes: [0, null], outAxes: [0, null] };
const x = random.normal(random.key(1), [10, 5, 3]);

function make(mode: nn.BatchNormMode, axisName: string | readonly string[] = 'batch') {
  return nn.makeWithState(nn.BatchNorm)(5, axisName, { mode });
}

const run = (norm: nn.BatchNorm, batch: Tensor, state: nn.State, inference = false) =>
  filterVmap((row: Tensor, s: nn.State) => norm.forward(row, { state: s, inference }), {
    axisName: 'batch',
    ...axes,
  })(batch, state);

test.each(['ema', 'batch'] as const)('mode %s: a batch comes out with mean 0 and variance 1', (mode) => {
  const [norm, state] = make(mode);
  const [y] = run(norm, x, state);
  expectClose(y.mean([0, 2]), [0, 0, 0, 0, 0], { atol: 1e-6 });
  expectClose(y.square().mean([0, 2]), [1, 1, 1, 1, 1], { rtol: 1e-4 });
});

test.each(['ema', 'batch'] as const)('mode %s: training changes the state, inference does not', (mode) => {
  const [norm, state] = make(mode);
  const before = tree.leaves(state).map((leaf) => (leaf as Tensor).toArray());
  const [, next] = run(norm, x, state);
  const after = tree.leaves(next).map((leaf) => (leaf as Tensor).toArray());
  expect(after).not.toEqual(before);
  const [, same] = run(nn.inferenceMode(norm), x, next, true);
  expect(tree.leaves(same).map((leaf) => (leaf as Tensor).toArray())).toEqual(after);
});

test('statistics have no axis of the batch, and one for each vmap around without the name', () => {
  const [norm, state] = make('ema');
  const [, next] = run(norm, x, state);
  expect(tree.leaves(next).map((leaf) => (leaf as Tensor).shape)).toEqual([[], [5], [5]]);

  const outer = filterVmap((rows: Tensor) =>
    run(
      norm,
      rows,
      tree.map((leaf: unknown) => leaf, next as never),
    ),
  );
  const [y, stacked] = outer(ops.stack([x, x.add(1)]));
  expect(y.shape).toEqual([2, 10, 5, 3]);
  expect(
    tree
      .leaves(stacked)
      .map((leaf) => (leaf as Tensor).shape)
      .at(-1),
  ).toEqual([2, 5]);
});

test('several axes count as one batch', () => {
  const [norm, state] = make('batch', ['batch', 'more']);
  const inner = filterVmap((row: Tensor, s: nn.State) => norm.forward(row, { state: s }), {
    axisName: 'more',
    ...axes,
  });
  const [y] = filterVmap(inner, { axisName: 'batch', ...axes })(x.reshape([2, 5, 5, 3]), state);
  const [plain, first] = make('batch');
  expectClose(y.reshape([10, 5, 3]), run(plain, x, first)[0].toArray(), { rtol: 1e-5, atol: 1e-6 });
});

test('a compiled step with its gradient goes from state to state without being traced again', () => {
  const [norm, first] = make('batch');
  let traces = 0;
  const step = filterJit((model: nn.BatchNorm, batch: Tensor, state: nn.State) => {
    traces++;
    return filterGrad(
      (one: nn.BatchNorm): [Tensor, nn.State] => {
        const [y, next] = run(one, batch, state);
        return [y.mul(batch).mean(), next];
      },
      { hasAux: true },
    )(model);
  });
  let state = first;
  for (let i = 0; i < 3; i++) {
    const [grads, next] = step(norm, x, state);
    expect(grads.weight!.shape).toEqual([5]);
    state = next;
  }
  expect(traces).toBe(1);
  expect(Number(state.get(norm.batchCounter!))).toBe(3);
});

test('inference before any batch leaves the input almost as it is', () => {
  const [norm, state] = make('batch');
  const [y, same] = norm.forward(x.index(0), { state, inference: true });
  expectClose(y, x.index(0).toArray(), { rtol: 1e-5 });
  expect(same).toBe(state);
});
