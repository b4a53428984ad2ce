import { call, filterVmap, nn, ops, random, scan, tensor, tree, type Tensor } from '../../lib';
import { readFixture } from './fixture';
import { tensorOf, withTensors, type Blob } from './blob';

/** The counterpart of a case of scripts/fixtures/layers.py. */
export interface LayerCase {
  readonly layer: unknown;
  readonly run: (layer: never, ...inputs: Tensor[]) => unknown;
  /** The largest difference from Equinox, as a part of the largest number; 1e-6 unless given. */
  readonly bound?: number;
  /**
   * The same for the initial parameters: 0, the same bits, unless given. The normal distribution agrees to rounding, and
   * XLA rounds uniform numbers of half precision once or twice, depending on the shape.
   */
  readonly initialBound?: number;
}

const key = random.key(3);
const dropKey = random.key(5);
const half = { bound: 2e-3, initialBound: 1e-3 };
const bfloat = { bound: 1.6e-2, initialBound: 1e-2 };

type Options = Omit<LayerCase, 'layer' | 'run'>;

function plain(layer: unknown, options: Options = {}): LayerCase {
  const run = (one: nn.Identity, ...inputs: unknown[]): unknown => one.forward(...(inputs as [Tensor]));
  return { layer, run, ...options };
}

function running<L>(
  layer: L,
  run: (layer: L, ...inputs: Tensor[]) => unknown,
  options: Options = {},
): LayerCase {
  return { layer, run, ...options };
}

/** A copy, since a state may be used once. */
function copyOf<T>(state: T): T {
  return tree.map((x: unknown) => x, state as never);
}

interface Fixture {
  readonly cases: Readonly<Record<string, { readonly params: readonly Blob[] }>>;
}

function paramsOf(name: string): Tensor[] {
  return (readFixture('layers') as Fixture).cases[name]!.params.map(tensorOf);
}

function linear(): Readonly<Record<string, LayerCase>> {
  return {
    Linear: plain(new nn.Linear(4, 3, { key })),
    'Linear noBias': plain(new nn.Linear(4, 3, { useBias: false, key })),
    'Linear scalarIn': plain(new nn.Linear('scalar', 3, { key })),
    'Linear scalarOut': plain(new nn.Linear(4, 'scalar', { key })),
    'Linear emptyIn': plain(new nn.Linear(0, 4, { key })),
    'Linear emptyOut': plain(new nn.Linear(4, 0, { key })),
    'Linear complex': plain(new nn.Linear(3, 2, { dtype: 'complex64', key })),
    'Linear half': plain(new nn.Linear(4, 3, { dtype: 'float16', key }), half),
    'Linear bfloat': plain(new nn.Linear(4, 3, { dtype: 'bfloat16', key }), bfloat),
    'Linear wide': plain(new nn.Linear(300, 40, { key })),
    'Linear integers': plain(new nn.Linear(4, 3, { key })),
    'Linear mixed': plain(new nn.Linear(4, 3, { key })),
    Identity: plain(new nn.Identity(1, 2, { foo: 3 })),
    'MLP depth0': plain(new nn.MLP(2, 3, 5, 0, { key })),
    'MLP depth0 final': plain(new nn.MLP(2, 3, 5, 0, { finalActivation: ops.sin, key })),
    'MLP depth1': plain(new nn.MLP(2, 3, 5, 1, { activation: nn.tanh, key })),
    'MLP depth2': plain(new nn.MLP(2, 3, 5, 2, { finalActivation: nn.sigmoid, useBias: false, key })),
    'MLP finalBias': plain(new nn.MLP(2, 3, 5, 2, { useFinalBias: false, key })),
    'MLP scan': plain(new nn.MLP(2, 3, 5, 4, { scan: true, activation: nn.gelu, key })),
    'MLP scalar': plain(new nn.MLP('scalar', 'scalar', 5, 1, { finalActivation: ops.sin, key })),
    'MLP prelu': plain(
      new nn.MLP(2, 5, 8, 2, { activation: new nn.PReLU(), finalActivation: new nn.PReLU(0.1), key }),
    ),
    'MLP perNeuron': plain(
      new nn.MLP(2, 3, 5, 1, { finalActivation: (x: Tensor) => x.div(x.square().sum().add(1)), key }),
    ),
    PReLU: plain(new nn.PReLU()),
    'PReLU channels': plain(new nn.PReLU(tensor([0.2, -0.1, 0.3]))),
    'PReLU integers': plain(new nn.PReLU(0.5)),
  };
}

function convolutions(): Readonly<Record<string, LayerCase>> {
  const window = { stride: [3, 1], dilation: [1, 2], key };
  return {
    Conv1d: plain(new nn.Conv1d(2, 4, 3, { key })),
    'Conv1d dilation': plain(new nn.Conv1d(2, 3, 3, { stride: 2, padding: 3, dilation: 2, key })),
    'Conv1d half': plain(new nn.Conv1d(2, 3, 3, { dtype: 'float16', key }), half),
    Conv2d: plain(new nn.Conv2d(2, 3, 4, { key })),
    'Conv2d stride': plain(new nn.Conv2d(2, 2, [3, 2], { stride: [2, 1], padding: [1, 0], key })),
    'Conv2d pairs': plain(new nn.Conv2d(2, 2, 2, { padding: [[0, 1], [2, 3]], key })), // prettier-ignore
    'Conv2d crop': plain(new nn.Conv2d(2, 2, 2, { padding: [[-1, 0], [1, -2]], key })), // prettier-ignore
    'Conv2d groups': plain(new nn.Conv2d(4, 6, 2, { groups: 2, key })),
    'Conv2d depthwise': plain(new nn.Conv2d(4, 8, 3, { groups: 4, padding: 1, key })),
    'Conv2d noBias': plain(new nn.Conv2d(2, 2, 2, { useBias: false, key })),
    'Conv2d complex': plain(new nn.Conv2d(1, 2, 2, { dtype: 'complex64', key })),
    'Conv2d SAME': plain(new nn.Conv2d(2, 2, [2, 3], { ...window, padding: 'same' })),
    'Conv2d SAME_LOWER': plain(new nn.Conv2d(2, 2, [2, 3], { ...window, padding: 'SAME_LOWER' })),
    'Conv2d VALID': plain(new nn.Conv2d(2, 2, [2, 3], { ...window, padding: 'valid' })),
    Conv3d: plain(new nn.Conv3d(2, 2, [2, 1, 2], { padding: 1, key })),
    'Conv3d circular': plain(new nn.Conv3d(2, 2, 3, { padding: 'same', paddingMode: 'circular', key })),
    Conv: plain(new nn.Conv(2, 2, 3, [1, 3], { key })),
    'Conv1d reflect': plain(new nn.Conv1d(2, 1, 3, { padding: [[4, 5]], paddingMode: 'reflect', key })),
    'Conv2d reflect': plain(new nn.Conv2d(2, 2, 4, { padding: 'same', paddingMode: 'REFLECT', key })),
    'Conv1d replicate': plain(new nn.Conv1d(2, 1, 3, { padding: 4, paddingMode: 'replicate', key })),
    'Conv1d circular': plain(new nn.Conv1d(2, 1, 3, { padding: [[7, 5]], paddingMode: 'circular', key })),
  };
}

function transposed(): Readonly<Record<string, LayerCase>> {
  const window = { stride: [3, 2], dilation: [1, 2], outputPadding: [1, 0], key };
  const circular = { stride: 2, paddingMode: 'circular', key } as const;
  const two = { stride: 2, key };
  return {
    ConvTranspose1d: plain(new nn.ConvTranspose1d(2, 3, 3, { key })),
    'ConvTranspose1d stride': plain(
      new nn.ConvTranspose1d(2, 3, 3, { ...two, padding: 1, outputPadding: 1, dilation: 2 }),
    ),
    'ConvTranspose1d cut': plain(new nn.ConvTranspose1d(2, 3, 3, { ...two, padding: [[1, 4]] })),
    'ConvTranspose1d more': plain(
      new nn.ConvTranspose1d(2, 3, 3, { stride: 3, padding: [[-2, -1]], outputPadding: 2, key }),
    ),
    'ConvTranspose1d circular': plain(
      new nn.ConvTranspose1d(2, 3, 4, { padding: 'same', paddingMode: 'circular', key }),
    ),
    ConvTranspose2d: plain(new nn.ConvTranspose2d(2, 3, [4, 2], { ...two, padding: 1 })),
    'ConvTranspose2d groups': plain(new nn.ConvTranspose2d(4, 6, 3, { ...two, groups: 2, useBias: false })),
    'ConvTranspose2d complex': plain(new nn.ConvTranspose2d(1, 2, 2, { dtype: 'complex64', key })),
    'ConvTranspose2d SAME': plain(new nn.ConvTranspose2d(2, 2, [2, 3], { ...window, padding: 'same' })),
    'ConvTranspose2d SAME_LOWER': plain(
      new nn.ConvTranspose2d(2, 2, [2, 3], { ...window, padding: 'same_lower' }),
    ),
    'ConvTranspose2d VALID': plain(new nn.ConvTranspose2d(2, 2, [2, 3], { ...window, padding: 'valid' })),
    'ConvTranspose2d circular SAME': plain(
      new nn.ConvTranspose2d(2, 2, [4, 3], { ...circular, padding: 'same' }),
    ),
    'ConvTranspose2d circular SAME_LOWER': plain(
      new nn.ConvTranspose2d(2, 2, [4, 3], { ...circular, padding: 'same_lower' }),
    ),
    ConvTranspose3d: plain(
      new nn.ConvTranspose3d(2, 2, [2, 1, 3], { stride: [2, 1, 1], padding: [1, 0, 1], key }),
    ),
    ConvTranspose: plain(new nn.ConvTranspose(2, 2, 3, [1, 3], { outputPadding: 1, stride: 2, key })),
  };
}

function pools(): Readonly<Record<string, LayerCase>> {
  const corners = [[1, 0], [0, 1]] as const; // prettier-ignore
  const uneven = [[0, 1], [1, 1], [0, 0]] as const; // prettier-ignore
  return {
    MaxPool1d: plain(new nn.MaxPool1d(2, { stride: 3 })),
    'MaxPool1d integers': plain(new nn.MaxPool1d(3, { stride: 3, useCeil: true })),
    MaxPool2d: plain(new nn.MaxPool2d(2)),
    'MaxPool2d stride': plain(new nn.MaxPool2d([3, 2], { stride: 2, padding: corners })),
    'MaxPool2d ceil': plain(new nn.MaxPool2d([3, 3], { stride: 2, padding: [1, 1], useCeil: true })),
    'MaxPool2d ties': plain(new nn.MaxPool2d(2)),
    MaxPool3d: plain(new nn.MaxPool3d(2, { stride: [3, 2, 1] })),
    'MaxPool3d ceil': plain(new nn.MaxPool3d(3, { stride: 2, padding: [0, 1, 1], useCeil: true })),
    AvgPool1d: plain(new nn.AvgPool1d(2, { stride: 3 })),
    'AvgPool1d integers': plain(new nn.AvgPool1d(2, { stride: 3 })),
    AvgPool2d: plain(new nn.AvgPool2d([1, 3], { stride: 2, padding: 1 })),
    'AvgPool2d ceil': plain(new nn.AvgPool2d(3, { stride: 2, useCeil: true })),
    AvgPool3d: plain(new nn.AvgPool3d([1, 3, 1], { stride: 2, padding: uneven })),
    'Pool add': plain(new nn.Pool(0, ops.add, 2, [2, 3], { stride: [1, 2], padding: 1 })),
    'Pool min': running(new nn.Pool(Infinity, ops.minimum, 1, 3, { stride: 2 }), (pool, x) =>
      pool.forward(x).detach(),
    ),
    AdaptiveAvgPool1d: plain(new nn.AdaptiveAvgPool1d(4)),
    'AdaptiveAvgPool1d even': plain(new nn.AdaptiveAvgPool1d(7)),
    AdaptiveAvgPool2d: plain(new nn.AdaptiveAvgPool2d([2, 4])),
    AdaptiveAvgPool3d: plain(new nn.AdaptiveAvgPool3d([2, 1, 4])),
    AdaptiveMaxPool1d: plain(new nn.AdaptiveMaxPool1d(4)),
    AdaptiveMaxPool2d: plain(new nn.AdaptiveMaxPool2d([2, 3])),
    'AdaptiveMaxPool2d ties': plain(new nn.AdaptiveMaxPool2d(2)),
    AdaptiveMaxPool3d: plain(new nn.AdaptiveMaxPool3d([2, 1, 4])),
    AdaptivePool: plain(new nn.AdaptivePool([3, 4], 2, (window) => window.square().sum())),
  };
}

function normalisations(): Readonly<Record<string, LayerCase>> {
  const inner = new nn.Linear(4, 3, { key });
  return {
    LayerNorm: plain(new nn.LayerNorm([4, 3, 2])),
    'LayerNorm vector': plain(new nn.LayerNorm(50, { eps: 1e-3 }), { bound: 2e-6 }),
    'LayerNorm noWeight': plain(new nn.LayerNorm([4, 3, 2], { useWeight: false })),
    'LayerNorm noBias': plain(new nn.LayerNorm([4, 3, 2], { useBias: false })),
    'LayerNorm plain': plain(new nn.LayerNorm(8, { useWeight: false, useBias: false })),
    // What is left of the gradient is noise, times 1 / sqrt(eps).
    'LayerNorm scalar': plain(new nn.LayerNorm([]), { bound: 1e-3 }),
    'LayerNorm half': plain(new nn.LayerNorm(8, { dtype: 'float16' }), half),
    'LayerNorm bfloat': plain(new nn.LayerNorm(8), bfloat),
    RMSNorm: plain(new nn.RMSNorm([4, 3, 2])),
    'RMSNorm noBias': plain(new nn.RMSNorm(8, { eps: 1e-3, useBias: false })),
    'RMSNorm plain': plain(new nn.RMSNorm(8, { useWeight: false, useBias: false })),
    'RMSNorm half': plain(new nn.RMSNorm(8, { dtype: 'float16' }), half),
    GroupNorm: plain(new nn.GroupNorm(2, 4)),
    'GroupNorm vector': plain(new nn.GroupNorm(2, 8, { eps: 1e-3 })),
    'GroupNorm plain': plain(new nn.GroupNorm(2, null, { channelwiseAffine: false })),
    'GroupNorm instance': plain(new nn.GroupNorm(4, 4)),
    'GroupNorm half': plain(new nn.GroupNorm(2, 4), half),
    'GroupNorm trained': plain(trained(new nn.GroupNorm(2, 4), 'GroupNorm trained')),
    'LayerNorm trained': plain(trained(new nn.LayerNorm([4, 3]), 'LayerNorm trained')),
    WeightNorm: plain(new nn.WeightNorm(inner), { initialBound: 1e-6 }),
    'WeightNorm axis1': plain(new nn.WeightNorm(inner, { axis: 1 }), { initialBound: 1e-6 }),
    'WeightNorm whole': plain(new nn.WeightNorm(inner, { axis: null }), { initialBound: 1e-6 }),
    'WeightNorm conv': plain(new nn.WeightNorm(new nn.Conv2d(2, 3, 2, { key })), { initialBound: 1e-6 }),
  };
}

function trained<L extends object>(layer: L, name: string): L {
  return withTensors(layer, paramsOf(name));
}

class Counter extends nn.StatefulLayer {
  readonly index = new nn.StateIndex(tensor(1));
  readonly scale = tensor(3);

  forward(x: Tensor, { state }: { readonly state: nn.State }): readonly [Tensor, nn.State] {
    const count = state.get(this.index);
    return [x.mul(this.scale).add(count), state.set(this.index, count.add(1))];
  }
}

function states(): Readonly<Record<string, LayerCase>> {
  const spectral = (layer: nn.Linear | nn.Conv2d, options: Options = {}): LayerCase => {
    const [norm, first] = nn.makeWithState(nn.SpectralNorm<nn.Linear | nn.Conv2d>)(layer, {
      numPowerIterations: 2,
      key,
    });
    const run = (one: typeof norm, x?: Tensor): unknown => {
      const [a, second] = one.forward(x!, { state: copyOf(first) });
      const [b, third] = one.forward(x!, { state: second });
      const [c, last] = one.forward(x!, { state: third, inference: true });
      return [a, b, c, last];
    };
    return running(norm, run, options);
  };
  const hundred = (): LayerCase => {
    const [norm, first] = nn.makeWithState(nn.SpectralNorm<nn.Linear>)(new nn.Linear(4, 3, { key }), { key });
    return running(norm, (one, x) => {
      const step = (state: nn.State) => [one.forward(x, { state })[1], null] as const;
      const [state] = scan(step, copyOf(first), null, { length: 100 });
      return one.forward(x, { state });
    });
  };
  const batches = (mode: nn.BatchNormMode, options: Partial<nn.BatchNormOptions> = {}): LayerCase => {
    const [norm, first] = nn.makeWithState(nn.BatchNorm)(4, 'batch', { mode, ...options });
    return running(norm, (one, x) => {
      const run = (inference: boolean) =>
        filterVmap((row: Tensor, state: nn.State) => one.forward(row, { state, inference }), {
          axisName: 'batch',
          inAxes: [0, null],
          outAxes: [0, null],
        });
      const [a, second] = run(false)(x, copyOf(first));
      const [b, third] = run(false)(x.mul(2).add(1), second);
      const [c, last] = run(true)(x, third);
      return [a, b, c, last];
    });
  };
  const [norms, before] = nn.makeWithState(nn.BatchNorm)(4, ['batch', 'more'], { mode: 'batch' });
  const named = (norm: nn.BatchNorm, x?: Tensor): unknown => {
    const axes = { inAxes: [0, null], outAxes: [0, null] };
    const one = (row: Tensor, state: nn.State) => norm.forward(row, { state });
    const inner = filterVmap(one, { axisName: 'more', ...axes });
    return filterVmap(inner, { axisName: 'batch', ...axes })(x!, copyOf(before));
  };
  const [counters, counts] = nn.makeWithState(
    () =>
      new nn.Sequential([
        new nn.Linear(4, 3, { key }),
        new Counter(),
        new nn.Sequential([new Counter(), new nn.Lambda(nn.tanh)]),
      ]),
  )();
  return {
    'BatchNorm ema': batches('ema'),
    'BatchNorm ema plain': batches('ema', { channelwiseAffine: false, momentum: 0.9, eps: 1e-3 }),
    'BatchNorm batch': batches('batch'),
    'BatchNorm batch plain': batches('batch', { channelwiseAffine: false, momentum: 0.9, eps: 1e-3 }),
    'BatchNorm names': running(norms, named),
    'SpectralNorm linear': spectral(new nn.Linear(4, 3, { key })),
    'SpectralNorm conv': spectral(new nn.Conv2d(2, 3, 2, { key })),
    'SpectralNorm hundred': hundred(),
    StatefulLayer: running(counters, (layer, x) => layer.forward(x, { state: copyOf(counts) })),
  };
}

function sequences(): Readonly<Record<string, LayerCase>> {
  const dropped = (layer: nn.Dropout | nn.Sequential, x?: Tensor): unknown =>
    layer.forward(x!, { key: dropKey });
  const many = (layer: nn.Embedding, x?: Tensor): unknown => filterVmap(layer)(x!);
  const embedding = new nn.Embedding(7, 5, { key });
  const normal = { initialBound: 1e-6 };
  const pair = (cell: nn.LSTMCell, x?: Tensor, h?: Tensor, c?: Tensor): unknown => cell.forward(x!, [h!, c!]);
  return {
    Dropout: running(new nn.Dropout(0.4), dropped),
    'Dropout zero': plain(new nn.Dropout(0)),
    'Dropout inference': plain(new nn.Dropout(0.5, { inference: true })),
    'Dropout override': running(new nn.Dropout(0.5, { inference: true }), (layer, x) =>
      layer.forward(x, { key: dropKey, inference: false }),
    ),
    'Dropout array': running(new nn.Dropout(tensor(0.3)), dropped),
    Sequential: running(
      new nn.Sequential([
        new nn.Linear(4, 8, { key }),
        new nn.Dropout(0.5),
        new nn.Lambda(nn.relu),
        new nn.Linear(8, 2, { key: dropKey }),
      ]),
      dropped,
    ),
    Lambda: plain(new nn.Lambda(ops.sin)),
    inferenceMode: plain(
      nn.inferenceMode(new nn.Sequential([new nn.Dropout(0.5), new nn.Sequential([new nn.Dropout(0.2)])])),
    ),
    Embedding: running(embedding, (layer) => layer.forward(2), normal),
    'Embedding array': plain(embedding, normal),
    'Embedding many': running(embedding, many, normal),
    'Embedding outside': running(embedding, many, normal),
    'Embedding weight': plain(new nn.Embedding(null, null, { weight: paramsOf('Embedding weight')[0] })),
    RotaryPositionalEmbedding: plain(new nn.RotaryPositionalEmbedding(6)),
    'RotaryPositionalEmbedding theta': plain(new nn.RotaryPositionalEmbedding(6, { theta: 100 })),
    'RotaryPositionalEmbedding half': plain(new nn.RotaryPositionalEmbedding(6, { dtype: 'float16' }), half),
    'RotaryPositionalEmbedding bfloat': plain(
      new nn.RotaryPositionalEmbedding(6, { dtype: 'bfloat16' }),
      bfloat,
    ),
    GRUCell: plain(new nn.GRUCell(3, 5, { key })),
    'GRUCell noBias': plain(new nn.GRUCell(3, 5, { useBias: false, key })),
    'GRUCell mixed': plain(new nn.GRUCell(3, 5, { key })),
    'GRUCell half': plain(new nn.GRUCell(3, 5, { dtype: 'float16', key }), half),
    LSTMCell: running(new nn.LSTMCell(3, 5, { key }), pair),
    'LSTMCell noBias': running(new nn.LSTMCell(3, 5, { useBias: false, key }), pair),
    ...attentions(),
    ...shares(),
  };
}

function attentions(): Readonly<Record<string, LayerCase>> {
  const plainOne = new nn.MultiheadAttention(2, 8, { key });
  const same =
    (options: nn.AttentionOptions = {}) =>
    (layer: nn.MultiheadAttention, x?: Tensor): unknown =>
      layer.forward(x!, x!, x!, options);
  const causal = ops.ones([5, 5], { dtype: 'bool' }).tril();
  const sizes = { keySize: 5, valueSize: 7, outputSize: 11, qkSize: 3, voSize: 13 };
  const biases = { useQueryBias: true, useKeyBias: true, useValueBias: true, useOutputBias: true };
  const drop = new nn.MultiheadAttention(2, 8, { dropoutP: 0.3, key });
  const rope = filterVmap(new nn.RotaryPositionalEmbedding(4), { inAxes: 1, outAxes: 1 });
  const maskedRow = ops.arange(5).gt(0).unsqueeze(1).expand([5, 5]);
  return {
    MultiheadAttention: running(plainOne, same()),
    'MultiheadAttention sizes': plain(new nn.MultiheadAttention(2, 3, { ...sizes, ...biases, key })),
    'MultiheadAttention mask': running(plainOne, same({ mask: causal })),
    'MultiheadAttention masks': running(plainOne, same({ mask: ops.stack([causal, causal.t()]) })),
    'MultiheadAttention maskedRow': running(plainOne, same({ mask: maskedRow })),
    'MultiheadAttention floatMask': running(plainOne, same({ mask: causal.to('float32') })),
    'MultiheadAttention dropout': running(drop, same({ key: dropKey })),
    'MultiheadAttention inference': running(drop, same({ inference: true })),
    'MultiheadAttention half': running(
      new nn.MultiheadAttention(2, 8, { dtype: 'float16', key }),
      same(),
      half,
    ),
    'MultiheadAttention rotary': running(
      plainOne,
      same({ processHeads: (q, k, v) => [rope(q), rope(k), v] }),
    ),
  };
}

function shares(): Readonly<Record<string, LayerCase>> {
  type Pair = readonly [nn.Linear, nn.Linear];
  const both: Pair = [new nn.Linear(3, 3, { key }), new nn.Linear(3, 3, { key: dropKey })];
  const tied = new nn.Shared(
    [new nn.Embedding(6, 4, { key }), new nn.Linear(4, 6, { key: dropKey })] as const,
    ([, head]) => head.weight,
    ([table]) => table.weight,
  );
  const chain = (shared: nn.Shared<Pair>, x?: Tensor): unknown => {
    const [first, second] = shared.forward();
    return call(second, call(first, x!));
  };
  return {
    Shared: running(
      tied,
      (shared) => {
        const [table, head] = shared.forward();
        return head.forward(table.forward(2));
      },
      { initialBound: 1e-6 },
    ),
    'Shared two': running(
      new nn.Shared(
        both,
        ([, b]) => [b.weight, b.bias],
        ([a]) => [a.weight.t(), a.bias!.add(1)],
      ),
      chain,
    ),
    'Shared layer': running(
      new nn.Shared(
        both,
        ([, b]) => b,
        ([a]) => a,
      ),
      chain,
    ),
  };
}

/** A layer for each case of the fixture, made as its Python counterpart is. */
export const layerCases: Readonly<Record<string, LayerCase>> = {
  ...linear(),
  ...convolutions(),
  ...transposed(),
  ...pools(),
  ...normalisations(),
  ...states(),
  ...sequences(),
};
