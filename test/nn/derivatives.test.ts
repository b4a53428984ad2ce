import { filterGrad, filterVmap, isInexactArray, nn, ops, random, tree, type Tensor } from '../../lib';
import { tensorOf, tensorsOf, withTensors, type Blob } from '../support/blob';
import { readFixture } from '../support/fixture';
import { layerCases, type LayerCase } from '../support/layer-cases';

const { cases } = readFixture('layers') as {
  readonly cases: Readonly<
    Record<string, { readonly params: readonly Blob[]; readonly inputs: readonly Blob[] }>
  >;
};

const isDouble = (x: unknown): x is Tensor => isInexactArray(x) && x.dtype === 'float64';

/** A tree with all its floats in float64, a little off where many functions have a kink. */
function doubled<T>(t: T): T {
  const [leaves, structure] = tree.flatten(t);
  const wide = leaves.map((leaf) => (isInexactArray(leaf) ? leaf.to('float64').add(0.0123) : leaf));
  return tree.unflatten(structure, wide) as T;
}

/** A direction: numbers that repeat nowhere, for each tensor of a tree. */
function direction(t: unknown): Tensor[] {
  return tensorsOf(t)
    .filter(isDouble)
    .map((x, at) =>
      ops
        .arange(x.size, { dtype: 'float64' })
        .add(at + 1)
        .sin()
        .reshape(x.shape),
    );
}

function moved<T>(t: T, along: readonly Tensor[], by: number): T {
  const rest = [...along];
  const [leaves, structure] = tree.flatten(t);
  return tree.unflatten(
    structure,
    leaves.map((leaf) => (isDouble(leaf) ? leaf.add(rest.shift()!.mul(by)) : leaf)),
  ) as T;
}

function inner(a: readonly Tensor[], b: readonly Tensor[]): Tensor {
  return a.reduce((sum, x, i) => sum.add(x.mul(b[i]!).sum()), ops.zeros([], { dtype: 'float64' }));
}

/** Half of the sum of the squares of all results. */
function energy(t: unknown): Tensor {
  const squares = tensorsOf(t).map((x) =>
    isDouble(x) ? x.square().sum() : ops.zeros([], { dtype: 'float64' }),
  );
  return squares.reduce((sum, x) => sum.add(x)).div(2);
}

const real = Object.entries(layerCases).filter(
  // Half precision and integers are no float64; tables of sines and states are float32 in whatever dtype the input is.
  // A rate of dropout has an effect, and no gradient.
  ([name]) =>
    !/half|bfloat|complex|integers|Rotary|rotary|ties|empty|Dropout array/.test(name) &&
    !/^(Pool min|State|BatchNorm|SpectralNorm)/.test(name),
);

type Point = readonly [layer: unknown, inputs: readonly Tensor[]];
type Row = readonly [name: string, point: Point, run: LayerCase['run']];

const key = random.key(3);

function batches(mode: nn.BatchNormMode): Row {
  const options = { mode, momentum: 0.5, dtype: 'float64' } as const;
  const [norm, state] = nn.makeWithState(nn.BatchNorm)(4, 'batch', options);
  const run = (one: nn.BatchNorm, x?: Tensor): unknown => {
    const each = (s: nn.State, inference: boolean) =>
      filterVmap((row: Tensor) => one.forward(row, { state: s, inference }), {
        axisName: 'batch',
        outAxes: [0, null],
      })(x!);
    const [y, next] = each(tree.map((leaf: unknown) => leaf, state as never) as nn.State, false);
    return [y, ...each(next, true)];
  };
  return [`BatchNorm ${mode}`, [norm, [random.normal(key, [5, 4, 3], { dtype: 'float64' })]], run];
}

function spectral(): Row {
  const linear = new nn.Linear(3, 4, { dtype: 'float64', key });
  const [norm, state] = nn.makeWithState(nn.SpectralNorm<nn.Linear>)(linear, { key });
  // In training u and v depend on the weight, and have no gradient.
  const run = (one: typeof norm, x?: Tensor): unknown => one.forward(x!, { state, inference: true })[0];
  return ['SpectralNorm', [norm, [random.normal(key, [3], { dtype: 'float64' })]], run];
}

const rows: readonly Row[] = [
  ...real.map(([name, { layer, run }]): Row => {
    const { params, inputs } = cases[name]!;
    return [name, doubled([withTensors(layer, params.map(tensorOf)), inputs.map(tensorOf)]), run];
  }),
  batches('ema'),
  batches('batch'),
  spectral(),
];

test.each(rows)(
  'first and second derivatives of %s are those of finite differences, in float64',
  (_name, point, run) => {
    const loss = ([one, inputs]: Point): Tensor => energy(run(one as never, ...inputs));
    const along = direction(point);
    if (along.length === 0) return;
    const slope = (at: Point): Tensor => inner(tensorsOf(filterGrad(loss)(at)).filter(isDouble), along);

    for (const [f, order] of [
      [loss, 'first'],
      [slope, 'second'],
    ] as const) {
      const exact = Number(inner(tensorsOf(filterGrad(f)(point)).filter(isDouble), along));
      const step = 1e-5;
      const [above, below] = [step, -step].map((by) => Number(f(moved(point, along, by))));
      const numeric = (above! - below!) / (2 * step);
      const scale = Math.max(1, Math.abs(exact), Math.abs(Number(f(point))));
      expect([order, Math.abs(exact - numeric) / scale < 1e-6]).toEqual([order, true]);
    }
  },
);
