import { filterGrad, filterJit, filterVmap, nn, ops, random, tensor, type Tensor } from '../../lib';
import {
  difference,
  expectBlobs,
  tensorOf,
  tensorsOf,
  weightedSum,
  withTensors,
  type Blob,
} from '../support/blob';
import { readFixture } from '../support/fixture';
import { layerCases, type LayerCase } from '../support/layer-cases';

interface Fixture {
  readonly exports: readonly string[];
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly params: readonly Blob[];
        readonly inputs: readonly Blob[];
        readonly outputs: readonly Blob[];
        readonly grads: readonly Blob[];
      }
    >
  >;
  readonly activations: Readonly<
    Record<string, { readonly outputs: Blob; readonly grads: readonly Blob[] }>
  > & {
    readonly inputs: Blob;
  };
  readonly initializers: Readonly<Record<string, Blob>>;
}

const fixture = readFixture('layers') as Fixture;

/** Names of Equinox as they stand here. */
function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

test('every name of equinox.nn is there, and every layer has a case', () => {
  const names = fixture.exports.map(camelCase);
  const exported = nn as unknown as Readonly<Record<string, unknown>>;
  expect(names.filter((name) => typeof exported[name] !== 'function')).toEqual([]);
  const layers = Object.keys(exported).filter((name) => /^[A-Z]/.test(name));
  expect(layers.filter((name) => !names.includes(name))).toEqual([]);
  const covered = new Set(Object.keys(fixture.cases).map((name) => name.split(' ')[0]));
  // What holds state is covered by the layers that have some.
  const parts = ['State', 'StateIndex', 'makeWithState', 'deleteInitState'];
  expect(names.filter((name) => !covered.has(name) && !parts.includes(name))).toEqual([]);
});

test('every case of the fixture has its counterpart, and the other way round', () => {
  expect(Object.keys(layerCases).sort()).toEqual(Object.keys(fixture.cases).sort());
});

type Run = (layer: unknown, inputs: readonly Tensor[]) => unknown;

describe.each(Object.entries(layerCases))(
  '%s',
  (name, { layer, run, bound = 1e-6, initialBound = 0 }: LayerCase) => {
    const { params, inputs, outputs, grads } = fixture.cases[name]!;
    const apply: Run = (one, given) => run(one as never, ...given);
    const gradient: Run = (one, given) =>
      filterGrad(([m, xs]: [unknown, readonly Tensor[]]) => weightedSum(apply(m, xs)))([one, given]);
    const given = inputs.map(tensorOf);
    const same = withTensors(layer, params.map(tensorOf));

    test('has the parameters of Equinox for the same key', () => {
      expectBlobs(layer, params, initialBound);
    });

    test('has its results and gradients', () => {
      expectBlobs(apply(same, given), outputs, bound);
      if (grads.length > 0) expectBlobs(gradient(same, given), grads, bound * 2);
    });

    test('has them in compiled code', () => {
      expectBlobs(filterJit(apply)(same, given), outputs, bound);
      if (grads.length > 0) expectBlobs(filterJit(gradient)(same, given), grads, bound * 2);
    });

    test('maps over a batch as over one example after the other', () => {
      if (given.length === 0) return;
      const other = given.map((x) => (x.dtype.startsWith('int') ? x : x.mul(0.5)));
      const batch = given.map((x, i) => ops.stack([x, other[i]!]));
      const mapped = filterVmap((xs: readonly Tensor[]) => tensorsOf(apply(same, xs)))(batch);
      const alone = [given, other].map((xs) => tensorsOf(apply(same, xs)));
      const stacked = alone[0]!.map((x, i) => ops.stack([x, alone[1]![i]!]));
      mapped.forEach((x, i) => {
        expect(x.shape).toEqual(stacked[i]!.shape);
        expect(difference(x, stacked[i]!)).toBeLessThanOrEqual(bound);
      });
    });
  },
);

const activations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  ...Object.fromEntries(
    Object.keys(fixture.activations)
      .filter((name) => /^\w+$/.test(name) && name !== 'inputs' && name !== 'oneHot')
      .map((name) => [name, (nn as unknown as Record<string, (x: Tensor) => Tensor>)[name]!]),
  ),
  celu: (x) => nn.celu(x, 1.5),
  'gelu exact': (x) => nn.gelu(x, { approximate: false }),
  'softmax axis0': (x) => nn.softmax(x, 0),
  'leakyRelu slope': (x) => nn.leakyRelu(x, 0.3),
  'elu alpha': (x) => nn.elu(x, 0.5),
};

test.each(Object.entries(activations))('the activation %s is that of jax.nn', (name, f) => {
  const { outputs, grads } = fixture.activations[name]!;
  const x = tensorOf(fixture.activations.inputs);
  // The tanh inside of some is another approximation.
  expectBlobs(f(x), [outputs], 2e-6);
  expectBlobs(filterGrad((one: Tensor) => weightedSum(f(one)))(x), grads, 3e-6);
});

test('every activation has a case', () => {
  const functions = Object.entries(nn).filter(
    ([name, value]) => typeof value === 'function' && /^[a-z]/.test(name),
  );
  const others = ['deleteInitState', 'inferenceMode', 'makeWithState'];
  const names = functions.map(([name]) => name).filter((name) => !others.includes(name));
  expect(names.filter((name) => !(name in fixture.activations))).toEqual([]);
  const x = tensor([[0, 2], [5, -1]], { dtype: 'int32' }); // prettier-ignore
  expectBlobs(nn.oneHot(x, 3), [fixture.activations['oneHot']!.outputs], 0);
});

const { initializers } = nn;
const made: Readonly<Record<string, nn.initializers.Initializer>> = {
  zeros: initializers.zeros,
  ones: initializers.ones,
  constant: initializers.constant(2.5),
  uniform: initializers.uniform(),
  normal: initializers.normal(0.5),
  truncatedNormal: initializers.truncatedNormal(0.5, -1, 3),
  glorotUniform: initializers.glorotUniform(),
  glorotNormal: initializers.glorotNormal(),
  lecunUniform: initializers.lecunUniform(),
  lecunNormal: initializers.lecunNormal(),
  heUniform: initializers.heUniform(),
  heNormal: initializers.heNormal({ inAxis: 1, outAxis: 0 }),
  varianceScaling: initializers.varianceScaling(0.3, 'fan_out', 'normal', { inAxis: [0, 1], outAxis: 2 }),
  'varianceScaling batch': initializers.varianceScaling(2, 'fan_avg', 'uniform', { batchAxis: 0 }),
};

test('the initialisers draw what those of jax.nn draw', () => {
  expect(Object.keys(made).sort()).toEqual(Object.keys(fixture.initializers).sort());
  expect(new Set(Object.keys(made).map((name) => name.split(' ')[0]))).toEqual(
    new Set(Object.keys(initializers)),
  );
  for (const [name, initializer] of Object.entries(made)) {
    expectBlobs(initializer(random.key(3), [3, 4, 5]), [fixture.initializers[name]!], 2e-6);
  }
});
