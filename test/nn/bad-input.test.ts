import {
  ArgumentError,
  DisposedError,
  DtypeError,
  nn,
  ops,
  random,
  ShapeError,
  tensor,
  TransformError,
  type Tensor,
} from '../../lib';

const key = random.key(0);
const x = ops.zeros([4]);
const image = ops.zeros([2, 5, 5]);
const batch = 'It takes one example: use filterVmap for a batch.';
const noKey = 'expected a key for the initial parameters, got undefined. Pass { key: random.key(seed) }.';
const attention = new nn.MultiheadAttention(2, 4, { key });
const sequence = ops.zeros([3, 4]);
const [norm, state] = nn.makeWithState(nn.BatchNorm)(2, 'batch', { mode: 'batch' });

const [, otherState] = nn.makeWithState(nn.BatchNorm)(3, 'batch', { mode: 'batch' });
const spectral = (size: number) =>
  nn.makeWithState(nn.SpectralNorm<nn.Linear>)(new nn.Linear(size, 3, { key }), { key });
const mlp = new nn.MLP(4, 3, 5, 1, { key });
const complex = ops.zeros([4], { dtype: 'complex64' });
const gone = (): Tensor => {
  const tensorOnce = ops.zeros([]);
  tensorOnce.dispose();
  return tensorOnce;
};

type Row = readonly [message: string, Class: new (message: string) => Error, run: () => unknown];

const missing = undefined as never;
const rows: readonly Row[] = [
  // Without a key.
  [`nn.Conv2d: ${noKey}`, ArgumentError, () => new nn.Conv2d(1, 2, 3, {} as never)],
  [`nn.ConvTranspose2d: ${noKey}`, ArgumentError, () => new nn.ConvTranspose2d(1, 2, 3, missing)],
  [`nn.Embedding: ${noKey}`, ArgumentError, () => new nn.Embedding(2, 3, {})],
  [`nn.Embedding: ${noKey}`, ArgumentError, () => new nn.Embedding(2, 3, missing)],
  [`nn.GRUCell: ${noKey}`, ArgumentError, () => new nn.GRUCell(2, 3, missing)],
  [`nn.LSTMCell: ${noKey}`, ArgumentError, () => new nn.LSTMCell(2, 3, missing)],
  [`nn.MLP: ${noKey}`, ArgumentError, () => new nn.MLP(2, 3, 4, 1, missing)],
  [`nn.MultiheadAttention: ${noKey}`, ArgumentError, () => new nn.MultiheadAttention(2, 4, missing)],
  [
    `nn.SpectralNorm: ${noKey}`,
    ArgumentError,
    () => new nn.SpectralNorm(new nn.Linear(2, 2, { key }), missing),
  ],
  [
    'nn.Dropout: expected a key, because elements are dropped at random while the model is trained, got undefined. ' +
      'Pass { key }, or switch it off with nn.inferenceMode(model).',
    ArgumentError,
    () => new nn.Dropout().forward(x),
  ],
  // With something else as the key.
  [
    'nn.Linear: expected a key uint32[2], got float32[2]. Make one with random.key(seed).',
    DtypeError,
    () => new nn.Linear(2, 3, { key: ops.ones([2]) }),
  ],
  [
    'nn.Dropout: expected a key uint32[2], got float32[4]. Make one with random.key(seed).',
    DtypeError,
    () => new nn.Dropout(0.5).forward(x, { key: x }),
  ],
  [
    'nn.Sequential: expected a key uint32[2], got float32[4]. Make one with random.key(seed).',
    DtypeError,
    () => new nn.Sequential([new nn.Dropout(0.5)]).forward(x, { key: x }),
  ],
  [
    'nn.MultiheadAttention: expected a key uint32[2], got float32[4]. Make one with random.key(seed).',
    DtypeError,
    () =>
      new nn.MultiheadAttention(2, 4, { dropoutP: 0.5, key }).forward(sequence, sequence, sequence, {
        key: x,
      }),
  ],
  // Sizes and numbers outside of what they may be.
  [
    'nn.Dropout: expected p to be a probability in [0, 1], got 1.5.',
    ArgumentError,
    () => new nn.Dropout(1.5),
  ],
  [
    'nn.Dropout: expected p to be a probability in [0, 1], got NaN.',
    ArgumentError,
    () => new nn.Dropout(NaN),
  ],
  [
    'nn.Dropout: expected inference to be true or false, got leaf of type number.',
    ArgumentError,
    () => new nn.Dropout(0.5, { inference: 1 as never }),
  ],
  [
    'nn.MultiheadAttention: expected dropoutP to be a probability in [0, 1], got -0.1.',
    ArgumentError,
    () => new nn.MultiheadAttention(2, 4, { dropoutP: -0.1, key }),
  ],
  [
    'nn.MultiheadAttention: expected querySize to be divisible by numHeads, got 5 and 2. Or pass qkSize and voSize.',
    ArgumentError,
    () => new nn.MultiheadAttention(2, 5, { key }),
  ],
  [
    'nn.MultiheadAttention: expected numHeads to be an integer of at least 1, got 0.',
    ArgumentError,
    () => new nn.MultiheadAttention(0, 4, { key }),
  ],
  [
    'nn.MultiheadAttention: expected keySize to be an integer of at least 0, got -3.',
    ArgumentError,
    () => new nn.MultiheadAttention(2, 4, { keySize: -3, key }),
  ],
  [
    'nn.Embedding: expected numEmbeddings to be an integer of at least 0, got -1.',
    ArgumentError,
    () => new nn.Embedding(-1, 3, { key }),
  ],
  [
    'nn.Embedding: expected numEmbeddings and embeddingSize, or a weight, got null. Pass both numbers, or { weight }.',
    ArgumentError,
    () => new nn.Embedding(null, 3, { key }),
  ],
  [
    'nn.Embedding: expected a weight of shape [5,embeddingSize], got float32[4,2].',
    ShapeError,
    () => new nn.Embedding(5, null, { weight: ops.zeros([4, 2]) }),
  ],
  ['nn.Embedding: expected an index from -3 to 2, got 3.', ArgumentError, () => embedding().forward(3)],
  [
    'nn.Embedding: expected an index of shape [], got int64[2]. It takes one index: use filterVmap for many.',
    ShapeError,
    () => embedding().forward(ops.zeros([2], { dtype: 'int64' })),
  ],
  [
    'nn.Embedding: expected an index that is an integer, got float32[].',
    DtypeError,
    () => embedding().forward(tensor(1)),
  ],
  [
    'nn.RotaryPositionalEmbedding: expected embeddingSize to be even, got 3.',
    ArgumentError,
    () => new nn.RotaryPositionalEmbedding(3),
  ],
  [
    'nn.RotaryPositionalEmbedding: expected embeddingSize to be an integer of at least 0, got -2.',
    ArgumentError,
    () => new nn.RotaryPositionalEmbedding(-2),
  ],
  [
    'nn.RotaryPositionalEmbedding: expected theta to be a number above 0, got 0.',
    ArgumentError,
    () => new nn.RotaryPositionalEmbedding(2, { theta: 0 }),
  ],
  [
    'nn.GRUCell: expected hiddenSize to be an integer of at least 1, got 0.',
    ArgumentError,
    () => new nn.GRUCell(2, 0, { key }),
  ],
  [
    'nn.LayerNorm: expected every size of shape to be an integer of at least 0, got -1.',
    ArgumentError,
    () => new nn.LayerNorm([2, -1]),
  ],
  [
    'nn.RMSNorm: expected eps to be a finite number from 0 on, got -1.',
    ArgumentError,
    () => new nn.RMSNorm(2, { eps: -1 }),
  ],
  [
    'nn.GroupNorm: expected channels to be divisible by groups, got 5 and 2.',
    ArgumentError,
    () => new nn.GroupNorm(2, 5),
  ],
  [
    'nn.GroupNorm: expected the number of channels for weight and bias, got null. Pass it, or { channelwiseAffine: false }.',
    ArgumentError,
    () => new nn.GroupNorm(2, null),
  ],
  [
    "nn.BatchNorm: expected mode to be 'batch' or 'ema', got undefined. Pass { mode: 'batch' }, with which each batch is " +
      'normalised by its own statistics.',
    ArgumentError,
    () => new nn.BatchNorm(2, 'batch', missing),
  ],
  [
    'nn.BatchNorm: expected momentum to be in [0, 1], got 2.',
    ArgumentError,
    () => new nn.BatchNorm(2, 'batch', { mode: 'ema', momentum: 2 }),
  ],
  [
    'nn.BatchNorm: expected axisName to be the name of the batch, or an array of names, got array of 0.',
    ArgumentError,
    () => new nn.BatchNorm(2, [], { mode: 'ema' }),
  ],
  [
    'nn.ConvTranspose1d: expected outputPadding to be below the stride, got [2] and [2].',
    ArgumentError,
    () => new nn.ConvTranspose1d(1, 1, 3, { stride: 2, outputPadding: 2, key }),
  ],
  [
    "nn.ConvTranspose2d: expected paddingMode zeros, or circular with padding 'same' or 'same_lower' and no outputPadding, " +
      'got reflect with padding "same" and outputPadding [0,0].',
    ArgumentError,
    () => new nn.ConvTranspose2d(1, 1, 3, { padding: 'same', paddingMode: 'reflect', key }),
  ],
  [
    'nn.ConvTranspose2d: expected inChannels and outChannels to be divisible by groups, got 4, 6 and 4.',
    ArgumentError,
    () => new nn.ConvTranspose2d(4, 6, 3, { groups: 4, key }),
  ],
  [
    'nn.AdaptiveAvgPool2d: expected targetShape to be one integer of at least 1, or 2 of them, got [1,2,3].',
    ArgumentError,
    () => new nn.AdaptiveAvgPool2d([1, 2, 3]),
  ],
  // What should be a function.
  [
    'nn.MLP: expected activation to be a function or a module with a method `forward`, got "relu".',
    ArgumentError,
    () => new nn.MLP(2, 3, 4, 1, { activation: 'relu' as never, key }),
  ],
  [
    'nn.MLP: expected finalActivation to be a function or a module with a method `forward`, got "tanh".',
    ArgumentError,
    () => new nn.MLP(2, 3, 4, 1, { finalActivation: 'tanh' as never, key }),
  ],
  [
    'nn.AdaptivePool: expected operation to be a function or a module with a method `forward`, got "max".',
    ArgumentError,
    () => new nn.AdaptivePool(2, 1, 'max' as never),
  ],
  [
    'nn.WeightNorm: expected weightName to name a tensor of the layer, got "kernel", which is undefined.',
    ArgumentError,
    () => new nn.WeightNorm(new nn.Linear(2, 2, { key }), { weightName: 'kernel' }),
  ],
  [
    'nn.WeightNorm: expected axis to be null or an axis of the weight, got 2 for float32[2,2].',
    ArgumentError,
    () => new nn.WeightNorm(new nn.Linear(2, 2, { key }), { axis: 2 }),
  ],
  [
    'nn.SpectralNorm: expected a weight with at least two axes, got float32[2].',
    ShapeError,
    () => new nn.SpectralNorm(new nn.Linear(2, 2, { key }), { weightName: 'bias', key }),
  ],
  [
    'nn.PReLU: expected initAlpha to be a number or a tensor, got leaf of type string.',
    ArgumentError,
    () => new nn.PReLU('x' as never),
  ],
  // Options that do not exist.
  [
    'nn.LayerNorm: expected the options eps, useWeight, useBias, dtype, got "elementwiseAffine".',
    ArgumentError,
    () => new nn.LayerNorm(2, { elementwiseAffine: false } as never),
  ],
  [
    'nn.Dropout: expected the option inference, got "deterministic".',
    ArgumentError,
    () => new nn.Dropout(0.5, { deterministic: true } as never),
  ],
  [
    'nn.LSTMCell: expected the options useBias, dtype, key, got "bias".',
    ArgumentError,
    () => new nn.LSTMCell(2, 2, { bias: false, key } as never),
  ],
  [
    'nn.RMSNorm: expected a floating-point or complex dtype, got int32.',
    DtypeError,
    () => new nn.RMSNorm(2, { dtype: 'int32' }),
  ],
  // Inputs that do not fit.
  [
    `nn.LayerNorm: expected an input of shape [4], got float32[3,4]. ${batch}`,
    ShapeError,
    () => new nn.LayerNorm(4).forward(sequence),
  ],
  [
    'nn.RMSNorm: expected an input of shape [3], got float32[4].',
    ShapeError,
    () => new nn.RMSNorm(3).forward(x),
  ],
  [
    `nn.GroupNorm: expected an input of shape [channels,...] with 6 channels, got float32[4]. ${batch}`,
    ShapeError,
    () => new nn.GroupNorm(2, 6).forward(x),
  ],
  [
    'nn.BatchNorm: expected an input of shape [2,...], got float32[4]. It takes one example: use filterVmap with an axisName for a batch.',
    ShapeError,
    () => norm.forward(x, { state }),
  ],
  [
    'nn.BatchNorm: expected a state, because it keeps some from call to call, got undefined. Pass { state }, which ' +
      'nn.makeWithState(Model)(...) makes together with the model.',
    ArgumentError,
    () => norm.forward(image, {} as never),
  ],
  [
    `nn.ConvTranspose2d: expected an input of shape [3,height,width], got float32[2,5,5].`,
    ShapeError,
    () => new nn.ConvTranspose2d(3, 2, 3, { key }).forward(image),
  ],
  [
    'nn.ConvTranspose2d: expected more cells along axis 1, because the padding leaves no output, got float32[2,1,1].',
    ShapeError,
    () => new nn.ConvTranspose2d(2, 2, 3, { padding: 2, key }).forward(ops.zeros([2, 1, 1])),
  ],
  [
    'nn.AdaptiveMaxPool2d: expected at least 6 cells along axis 1, got float32[2,5,5].',
    ShapeError,
    () => new nn.AdaptiveMaxPool2d(6).forward(image),
  ],
  [
    `nn.AdaptiveAvgPool1d: expected an input of shape [channels,length], got float32[2,5,5]. ${batch}`,
    ShapeError,
    () => new nn.AdaptiveAvgPool1d(2).forward(image),
  ],
  [
    `nn.RotaryPositionalEmbedding: expected an input of shape [time,4], got float32[2,5,5]. ${batch}`,
    ShapeError,
    () => new nn.RotaryPositionalEmbedding(4).forward(image),
  ],
  [
    `nn.GRUCell: expected an input of shape [4], got float32[3,4]. ${batch}`,
    ShapeError,
    () => new nn.GRUCell(4, 3, { key }).forward(sequence, x),
  ],
  [
    'nn.GRUCell: expected a hidden state of shape [3], got float32[4].',
    ShapeError,
    () => new nn.GRUCell(4, 3, { key }).forward(x, x),
  ],
  [
    'nn.LSTMCell: expected a state [h, c], got leaf of class Tensor.',
    ArgumentError,
    () => new nn.LSTMCell(4, 4, { key }).forward(x, x as never),
  ],
  [
    'nn.MultiheadAttention: expected a value of shape [3,4], got float32[2,4].',
    ShapeError,
    () => attention.forward(sequence, sequence, ops.zeros([2, 4])),
  ],
  [
    'nn.MultiheadAttention: expected a mask of shape [3,3] or [2,3,3], got bool[3,1].',
    ShapeError,
    () => attention.forward(sequence, sequence, sequence, { mask: ops.ones([3, 1], { dtype: 'bool' }) }),
  ],
  [
    'nn.MultiheadAttention: expected processHeads to keep the shapes [3,2,2] [3,2,2] [3,2,2], got [3,2,2] [3,2,2] [2,3,2].',
    ShapeError,
    () =>
      attention.forward(sequence, sequence, sequence, {
        processHeads: (q, k, v) => [q, k, v.transpose(0, 1)],
      }),
  ],
  [
    'nn.MultiheadAttention: expected processHeads to return [query, key, value], got leaf of class Tensor.',
    ArgumentError,
    () => attention.forward(sequence, sequence, sequence, { processHeads: ((q: Tensor) => q) as never }),
  ],
  [
    'nn.Linear: expected an input that is a tensor, got array of 2.',
    ArgumentError,
    () => new nn.Linear(2, 2, { key }).forward([1, 2] as never),
  ],
  [
    'nn.Dropout: expected an input that is a tensor, got leaf of type number.',
    ArgumentError,
    () => new nn.Dropout(0).forward(1 as never),
  ],
  // Inputs of other dtypes, which JAX's convolutions refuse, too.
  [
    "nn.Conv2d: expected an input of the weight's dtype, float32, got int32[2,5,5]. Convert it, x.to('float32'), or make " +
      "the layer with { dtype: 'int32' }.",
    DtypeError,
    () => new nn.Conv2d(2, 2, 3, { key }).forward(image.to('int32')),
  ],
  [
    "nn.ConvTranspose1d: expected an input of the weight's dtype, float32, got float16[1,4]. Convert it, x.to('float32'), " +
      "or make the layer with { dtype: 'float16' }.",
    DtypeError,
    () => new nn.ConvTranspose1d(1, 2, 3, { key }).forward(ops.zeros([1, 4], { dtype: 'float16' })),
  ],
  ...(
    [
      ['nn.LayerNorm', () => new nn.LayerNorm(4).forward(complex)],
      ['nn.GroupNorm', () => new nn.GroupNorm(2, 4).forward(complex)],
      ['nn.PReLU', () => new nn.PReLU().forward(complex)],
    ] as const
  ).map(([layer, run]): Row => [
    `${layer}: expected an input of real numbers, got complex64[4].`,
    DtypeError,
    run,
  ]),
  [
    'nn.MultiheadAttention: expected an input of real numbers, got complex64[1,4].',
    DtypeError,
    () => attention.forward(complex.unsqueeze(0), complex.unsqueeze(0), complex.unsqueeze(0)),
  ],
  [
    'nn.MaxPool1d: expected an input of real numbers, got bool[1,4].',
    DtypeError,
    () => new nn.MaxPool1d(2).forward(ops.zeros([1, 4], { dtype: 'bool' })),
  ],
  [
    'nn.AdaptiveMaxPool1d: expected an input of real numbers, got complex64[1,4].',
    DtypeError,
    () => new nn.AdaptiveMaxPool1d(2).forward(complex.unsqueeze(0)),
  ],
  [
    'nn.RotaryPositionalEmbedding: expected an input of numbers, got bool[1,4].',
    DtypeError,
    () => new nn.RotaryPositionalEmbedding(4).forward(ops.zeros([1, 4], { dtype: 'bool' })),
  ],
  // Tensors that are gone.
  ...(
    [
      ['nn.Linear', () => new nn.Linear(4, 3, { key }).forward(gone())],
      ['nn.Linear', () => new nn.Linear(4, 3, { key: gone() })],
      ['nn.Dropout', () => new nn.Dropout().forward(x, { key: gone() })],
      ['nn.Dropout', () => new nn.Dropout(gone())],
      ['nn.PReLU', () => new nn.PReLU(gone())],
      ['nn.Embedding', () => embedding().forward(gone())],
      ['nn.GRUCell', () => new nn.GRUCell(4, 4, { key }).forward(x, gone())],
      ['nn.MultiheadAttention', () => attention.forward(sequence, sequence, sequence, { mask: gone() })],
    ] as const
  ).map(([layer, run]): Row => [
    `${layer}: expected a live tensor, got one that is gone: it was disposed.`,
    DisposedError,
    run,
  ]),
  // Flags, options and functions that are none.
  [
    'nn.Linear: expected useBias to be true or false, got leaf of type number.',
    ArgumentError,
    () => new nn.Linear(2, 2, { useBias: 1 as never, key }),
  ],
  [
    'nn.MLP: expected scan to be true or false, got leaf of type string.',
    ArgumentError,
    () => new nn.MLP(2, 2, 2, 2, { scan: 'yes' as never, key }),
  ],
  [
    'nn.MaxPool2d: expected useCeil to be true or false, got leaf of type number.',
    ArgumentError,
    () => new nn.MaxPool2d(2, { useCeil: 1 as never }),
  ],
  [
    'nn.MaxPool2d: expected an object with the options stride, padding, useCeil, got number.',
    ArgumentError,
    () => new nn.MaxPool2d(2, 3 as never),
  ],
  [
    'nn.Dropout: expected inference to be true or false, got leaf of type number.',
    ArgumentError,
    () => new nn.Dropout().forward(x, { inference: 0 as never }),
  ],
  [
    'nn.MultiheadAttention: expected inference to be true or false, got leaf of type number.',
    ArgumentError,
    () => attention.forward(sequence, sequence, sequence, { inference: 0 as never }),
  ],
  [
    'nn.inferenceMode: expected value to be true or false, got leaf of type number.',
    ArgumentError,
    () => nn.inferenceMode(attention, 0 as never),
  ],
  [
    'nn.MultiheadAttention: expected processHeads to be a function or a module with a method `forward`, got leaf of type number.',
    ArgumentError,
    () => attention.forward(sequence, sequence, sequence, { processHeads: 3 as never }),
  ],
  [
    'nn.Pool: expected operation to be a function or a module with a method `forward`, got "add".',
    ArgumentError,
    () => new nn.Pool(0, 'add' as never, 2, 2),
  ],
  [
    'nn.Pool: expected an init that is a tensor, got leaf of type string.',
    ArgumentError,
    () => new nn.Pool('0' as never, ops.add, 2, 2),
  ],
  [
    'nn.Pool: expected operation to return a tensor of the shape of its arguments, [2,4], got leaf of type number.',
    ArgumentError,
    () => new nn.Pool(0, (() => 3) as never, 1, 2).forward(ops.zeros([2, 5])),
  ],
  [
    'nn.AdaptivePool: expected operation to return a tensor of shape [], got float32[3].',
    ArgumentError,
    () => new nn.AdaptivePool(2, 1, (window) => window).forward(ops.zeros([2, 6])),
  ],
  [
    'nn.Sequential: expected an array of layers, got Dropout(p=*, inference=*).',
    ArgumentError,
    () => new nn.Sequential(new nn.Dropout() as never),
  ],
  [
    'nn.makeWithState: expected Model to be a function or a module with a method `forward`, got leaf of type number.',
    ArgumentError,
    () => nn.makeWithState(3 as never),
  ],
  [
    'nn.PReLU: expected an input against which slopes of shape [3] broadcast, got float32[3,4].',
    ShapeError,
    () => new nn.PReLU(ops.ones([3])).forward(sequence),
  ],
  [
    `nn.MLP: expected an input of shape [4], got float32[3,4]. ${batch}`,
    ShapeError,
    () => mlp.forward(sequence),
  ],
  // States of other models.
  [
    'nn.BatchNorm: expected the state of this layer, with statistics of shape [2], got [3]. Pass the state that ' +
      'nn.makeWithState(Model)(...) made together with the model.',
    ShapeError,
    () => norm.forward(image, { state: otherState, inference: true }),
  ],
  [
    'nn.SpectralNorm: expected the state of this layer, with u and v for a weight of shape [3,4], got [3] and [2]. Pass the ' +
      'state that nn.makeWithState(Model)(...) made together with the model.',
    ShapeError,
    () => spectral(4)[0].forward(x, { state: spectral(2)[1] }),
  ],
  // Initialisers and activations.
  [
    'nn.initializers.varianceScaling: expected a shape with at least two axes, got [3].',
    ShapeError,
    () => nn.initializers.heNormal()(key, [3]),
  ],
  [
    'nn.initializers.varianceScaling: expected mode to be one of fan_in, fan_out, fan_avg, got "fan".',
    ArgumentError,
    () => nn.initializers.varianceScaling(1, 'fan' as never, 'normal'),
  ],
  [
    'nn.initializers.uniform: expected a floating-point dtype, got int32.',
    DtypeError,
    () => nn.initializers.uniform()(key, [2, 2], { dtype: 'int32' }),
  ],
  [
    'nn.oneHot: expected numClasses to be an integer of at least 0, got -1.',
    ArgumentError,
    () => nn.oneHot(tensor([1]), -1),
  ],
];

function embedding(): nn.Embedding {
  return new nn.Embedding(3, 2, { key });
}

test.each(rows)('%s', (message, Class, run) => {
  let error: unknown;
  try {
    run();
  } catch (thrown) {
    error = thrown;
  }
  expect((error as Error | undefined)?.message).toBe(message);
  expect(error).toBeInstanceOf(Class);
});

test('a batch norm in training needs a named axis', () => {
  const run = (): unknown => norm.forward(image, { state });
  expect(run).toThrow(TransformError);
  expect(run).toThrow(
    'nn.BatchNorm: expected the name of an axis that a vmap around it has, got "batch" (no axis has a name).',
  );
  expect(() =>
    new nn.MultiheadAttention(2, 4, { dropoutP: 0.5, key }).forward(sequence, sequence, sequence),
  ).toThrow('nn.MultiheadAttention: expected a key, because elements are dropped at random');
  // The state is still the newest one.
  expect(norm.forward(image, { state, inference: true })[1]).toBe(state);
});
