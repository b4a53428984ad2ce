import {
  ArgumentError,
  DtypeError,
  filterGrad,
  filterJit,
  filterVmap,
  optim,
  ops,
  random,
  ShapeError,
  tensor,
  type Tensor,
} from '../../lib';
import { expectClose } from '../support/close';
import { numbersOf, readFixture, type Numbers } from '../support/fixture';

// Optax's losses and their gradients; see scripts/fixtures/losses.py.
const { losses: expected } = readFixture('losses') as {
  readonly losses: Readonly<Record<string, { readonly value: Numbers; readonly gradient: Numbers }>>;
};

function waves(shape: readonly number[], period = 11, scale = 0.4): Tensor {
  const size = shape.reduce((product, one) => product * one, 1);
  return ops
    .arange(size, { dtype: 'float32' })
    .reshape(shape)
    .mul(7)
    .remainder(period)
    .sub(Math.floor(period / 2))
    .mul(scale);
}
const int = (values: unknown): Tensor => tensor(values as never, { dtype: 'int32' });

const x = waves([3, 5]);
const y = waves([3, 5], 7);
const probs = waves([3, 5], 5).softmax(-1);
const bits = x.gt(0).to('float32');
const signs = bits.mul(2).sub(1);
const labels = int([4, 0, 2]);
const mask = waves([3, 5], 5).gt(-0.5);
const sparse = probs.at(0, 1).set(0);
const volume = waves([2, 3, 4, 3]);
const classes = ops.oneHot(ops.arange(24).reshape([2, 3, 4]).remainder(3), 3).to('float32');
const sequence = waves([2, 6, 5]);
const sequencePads = tensor([
  [0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 1, 1],
]);
const text = int([
  [1, 1, 3],
  [2, 4, 0],
]);
const textPads = tensor([
  [0, 0, 0],
  [0, 0, 1],
]);
const log = x.logSoftmax(-1);
const flatten = (parts: readonly Tensor[]): Tensor => ops.cat(parts.map((part) => part.reshape([-1])));

const losses: Readonly<Record<string, readonly [loss: (x: Tensor) => Tensor, at: Tensor]>> = {
  squaredError: [(x) => optim.squaredError(x, y), x],
  l2Loss: [(x) => optim.l2Loss(x, y), x],
  'l2Loss:alone': [(x) => optim.l2Loss(x), x],
  huberLoss: [(x) => optim.huberLoss(x, y, { delta: 0.7 }), x],
  logCosh: [(x) => optim.logCosh(x, y), x],
  cosineSimilarity: [(x) => optim.cosineSimilarity(x, y), x],
  'cosineSimilarity:where': [(x) => optim.cosineSimilarity(x, y, { epsilon: 0.1, where: mask }), x],
  cosineDistance: [(x) => optim.cosineDistance(x, y, { axis: 0 }), x],
  sigmoidBinaryCrossEntropy: [(x) => optim.sigmoidBinaryCrossEntropy(x, bits), x],
  sigmoidFocalLoss: [(x) => optim.sigmoidFocalLoss(x, bits, { alpha: 0.3 }), x],
  'sigmoidFocalLoss:soft': [(x) => optim.sigmoidFocalLoss(x, probs, { gamma: 1 }), x],
  hingeLoss: [(x) => optim.hingeLoss(x, signs), x],
  perceptronLoss: [(x) => optim.perceptronLoss(x, signs), x],
  sparsemaxLoss: [(x) => optim.sparsemaxLoss(x, bits), x],
  softmaxCrossEntropy: [(x) => optim.softmaxCrossEntropy(x, probs), x],
  'softmaxCrossEntropy:axes': [(x) => optim.softmaxCrossEntropy(x, probs, { axis: [0, 1] }), x],
  'softmaxCrossEntropy:where': [(x) => optim.softmaxCrossEntropy(x, probs, { axis: null, where: mask }), x],
  safeSoftmaxCrossEntropy: [(x) => optim.safeSoftmaxCrossEntropy(x, sparse), x.at(0, 1).set(-Infinity)],
  softmaxCrossEntropyWithIntegerLabels: [(x) => optim.softmaxCrossEntropyWithIntegerLabels(x, labels), x],
  'softmaxCrossEntropyWithIntegerLabels:axis': [
    (x) => optim.softmaxCrossEntropyWithIntegerLabels(x, int([2, 1, 0, 1, 2]), { axis: 0 }),
    x,
  ],
  'softmaxCrossEntropyWithIntegerLabels:axes': [
    (x) => optim.softmaxCrossEntropyWithIntegerLabels(x, int([[5, 0, 8], [1, 2, 3]]), { axis: [1, 3] }), // prettier-ignore
    waves([2, 3, 3, 4]),
  ],
  'softmaxCrossEntropyWithIntegerLabels:where': [
    (x) => optim.softmaxCrossEntropyWithIntegerLabels(x, labels, { where: mask.at(1).set(false) }),
    x,
  ],
  multiclassHingeLoss: [(x) => optim.multiclassHingeLoss(x, labels), x],
  multiclassPerceptronLoss: [(x) => optim.multiclassPerceptronLoss(x, labels), x],
  multiclassSparsemaxLoss: [(x) => optim.multiclassSparsemaxLoss(x, labels), x],
  polyLossCrossEntropy: [(x) => optim.polyLossCrossEntropy(x, probs, { epsilon: 1.5 }), x],
  klDivergence: [(x) => optim.klDivergence(x, sparse), log],
  'klDivergence:where': [(x) => optim.klDivergence(x, sparse, { axis: 0, where: mask }), log],
  klDivergenceWithLogTargets: [(x) => optim.klDivergenceWithLogTargets(x, y.logSoftmax(-1)), log],
  generalizedKlDivergence: [(x) => optim.generalizedKlDivergence(x, sparse), log],
  ctcLoss: [(x) => optim.ctcLoss(x, sequencePads, text, textPads), sequence],
  'ctcLoss:blank': [(x) => optim.ctcLoss(x, sequencePads, text, textPads, { blankId: 4 }), sequence],
  ctcLossWithForwardProbs: [
    (x) => flatten(optim.ctcLossWithForwardProbs(x, sequencePads, text, textPads)).mul(1e-3),
    sequence,
  ],
  rankingSoftmaxLoss: [(x) => optim.rankingSoftmaxLoss(x, bits), x],
  'rankingSoftmaxLoss:where': [
    (x) => optim.rankingSoftmaxLoss(x, bits, { where: mask, weights: probs, reduction: 'none' }),
    x,
  ],
  diceLoss: [(x) => optim.diceLoss(x, classes), volume],
  'diceLoss:tversky': [
    (x) =>
      optim.diceLoss(x, classes, {
        alpha: 0.3,
        beta: 0.7,
        classWeights: tensor([1, 2, 0.5]),
        ignoreBackground: true,
        reduction: 'none',
      }),
    volume,
  ],
  multiclassGeneralizedDiceLoss: [(x) => optim.multiclassGeneralizedDiceLoss(x, classes), volume],
  binaryDiceLoss: [
    (x) => optim.binaryDiceLoss(x, volume.select(3, 1).gt(0).to('float32')),
    volume.select(3, 0),
  ],
  ntxent: [(x) => optim.ntxent(x, int([0, 1, 0, 1])), waves([4, 3])],
  tripletMarginLoss: [(x) => optim.tripletMarginLoss(x, y, waves([3, 5], 5)), x],
  smoothLabels: [(x) => optim.smoothLabels(x, 0.1), probs],
  'smoothLabels:where': [(x) => optim.smoothLabels(x, 0.1, { where: mask }), probs],
  makeFenchelYoungLoss: [(x) => optim.makeFenchelYoungLoss((s) => s.logsumexp([-1]))(x, probs), x],
  projectionSimplex: [(x) => optim.projectionSimplex(x), x],
};

test('every loss is compared with Optax', () => {
  expect(Object.keys(losses).sort()).toEqual(Object.keys(expected).sort());
});

const weighted = (loss: (x: Tensor) => Tensor) => (at: Tensor) => {
  const value = loss(at);
  return ops.arange(value.size, { dtype: 'float32' }).cos().reshape(value.shape).mul(value).sum();
};
// What stands for the logarithm of 0 leaves float32 three digits.
const toleranceOf = (name: string) =>
  name === 'ctcLossWithForwardProbs' ? { rtol: 2e-3, atol: 1e-5 } : { rtol: 2e-5, atol: 2e-6 };

test.each(Object.entries(losses))('%s has the values and gradients of Optax', (name, [loss, at]) => {
  expectClose(loss(at), numbersOf(expected[name]!.value), toleranceOf(name));
  expectClose(filterGrad(weighted(loss))(at), numbersOf(expected[name]!.gradient), toleranceOf(name));
});

test.each(Object.entries(losses))('%s and its gradient are the same inside jit', (name, [loss, at]) => {
  expectClose(filterJit(loss)(at), numbersOf(expected[name]!.value), toleranceOf(name));
  expectClose(
    filterJit(filterGrad(weighted(loss)))(at),
    numbersOf(expected[name]!.gradient),
    toleranceOf(name),
  );
});

test('values are those of the parity page', () => {
  expectClose(optim.softmaxCrossEntropyWithIntegerLabels(tensor([1, 2, 3]), int(2)), 0.407606, {
    rtol: 1e-5,
  });
  expectClose(
    optim.sigmoidBinaryCrossEntropy(tensor([0, 2, -1]), tensor([1, 0, 1])),
    [0.6931472, 2.126928, 1.313262],
  );
});

test('dtypes and shapes that do not fit are refused, by the loss that was asked for', () => {
  expect(() => optim.softmaxCrossEntropy(int([[1, 2]]), probs)).toThrow(
    new DtypeError('optim.softmaxCrossEntropy: expected logits of a floating-point dtype, got int32.'),
  );
  expect(() => optim.softmaxCrossEntropyWithIntegerLabels(x, bits)).toThrow(
    new DtypeError(
      'optim.softmaxCrossEntropyWithIntegerLabels: expected labels of an integer dtype, got float32.',
    ),
  );
  expect(() => optim.softmaxCrossEntropyWithIntegerLabels(x, int([1, 2]))).toThrow(
    new ShapeError(
      'optim.softmaxCrossEntropyWithIntegerLabels: expected labels of the shape [3], that of the logits without the classes, got [2].',
    ),
  );
  expect(() => optim.squaredError(x, tensor([1]))).toThrow(
    new ShapeError('optim.squaredError: expected predictions and targets of one shape, got [3,5] and [1].'),
  );
  expect(() => optim.l2Loss('x' as never)).toThrow(ArgumentError);
  expect(() => optim.softmaxCrossEntropy(x, probs, { axis: 2 })).toThrow(
    'optim.softmaxCrossEntropy: expected an axis from -2 to 1, got 2.',
  );
  expect(() => optim.ctcLoss(x, sequencePads, text, textPads)).toThrow(ShapeError);
  expect(() => optim.ctcLoss(sequence, sequencePads, text, sequencePads)).toThrow(ShapeError);
  expect(() => optim.ntxent(x, int([1]))).toThrow(ShapeError);
  expect(() => optim.huberLoss(x, y, { Delta: 1 } as never)).toThrow(ArgumentError);
  expect(() => optim.diceLoss(volume, classes, { reduction: 'max' as never })).toThrow(ArgumentError);
});

describe('whatever stands for an argument, the loss names itself', () => {
  const five: Readonly<Record<string, readonly unknown[]>> = {
    binaryDiceLoss: [x, probs],
    cosineDistance: [x, y],
    cosineSimilarity: [x, y],
    ctcLoss: [sequence, sequencePads, text, textPads],
    ctcLossWithForwardProbs: [sequence, sequencePads, text, textPads],
    diceLoss: [x, probs],
    generalizedKlDivergence: [x, probs],
    hingeLoss: [x, signs],
    huberLoss: [x, y],
    klDivergence: [x, probs],
    klDivergenceWithLogTargets: [x, y],
    l2Loss: [x, y],
    logCosh: [x, y],
    multiclassGeneralizedDiceLoss: [x, probs],
    multiclassHingeLoss: [x, labels],
    multiclassPerceptronLoss: [x, labels],
    multiclassSparsemaxLoss: [x, labels],
    ntxent: [x, labels],
    perceptronLoss: [x, signs],
    polyLossCrossEntropy: [x, probs],
    rankingSoftmaxLoss: [x, y],
    safeSoftmaxCrossEntropy: [x, probs],
    sigmoidBinaryCrossEntropy: [x, bits],
    sigmoidFocalLoss: [x, bits],
    smoothLabels: [probs, 0.1],
    softmaxCrossEntropy: [x, probs],
    softmaxCrossEntropyWithIntegerLabels: [x, labels],
    sparsemaxLoss: [x, bits],
    squaredError: [x, y],
    tripletMarginLoss: [x, y, x],
  };
  const all = optim as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;

  test('all losses are here', () => {
    const names = new Set(Object.keys(losses).map((name) => name.replace(/:.*/, '')));
    names.delete('makeFenchelYoungLoss');
    names.delete('projectionSimplex');
    expect(Object.keys(five)).toEqual([...names].sort());
  });

  test.each(Object.entries(five))('%s', (name, args) => {
    const gone = tensor([1]);
    gone.dispose();
    const complex = ops.ones([3, 5], { dtype: 'complex64' });
    all[name]!(...args);
    for (const [i] of args.entries()) {
      for (const bad of [null, 'x', NaN, {}, [1, 2], gone, complex, ops.ones([7, 4])]) {
        const given = args.map((arg, n) => (n === i ? bad : arg));
        // The shape of the labels is for the user to choose.
        if (name === 'smoothLabels' && bad instanceof Object && i === 0 && bad !== gone && bad !== complex)
          continue;
        expect(() => all[name]!(...given)).toThrow(new RegExp(`^optim\\.${name}: expected `));
      }
    }
  });

  test('makeFenchelYoungLoss', () => {
    expect(() => optim.makeFenchelYoungLoss(1 as never)).toThrow(
      'optim.makeFenchelYoungLoss: expected maxFun to be a function, got leaf of type number.',
    );
    const loss = optim.makeFenchelYoungLoss((scores) => scores.logsumexp(-1));
    expect(() => loss(x, 'x' as never)).toThrow(
      'optim.makeFenchelYoungLoss: expected targets to be a tensor',
    );
  });

  test('labels that are no class, options and masks', () => {
    const outside = 'expected labels from 0 to 4, got another.';
    expect(() => optim.softmaxCrossEntropyWithIntegerLabels(x, int([0, 7, 1]))).toThrow(outside);
    expect(() => optim.multiclassHingeLoss(x, int([0, -1, 1]))).toThrow(outside);
    expect(() => optim.ctcLoss(sequence, sequencePads, text, textPads, { blankId: 99 })).toThrow(
      /optim\.ctcLoss: expected blankId to be a class from 0 to \d+, got 99\./,
    );
    expect(() => optim.huberLoss(x, y, { delta: NaN })).toThrow('expected delta to be a number, got NaN.');
    expect(() => optim.softmaxCrossEntropy(x, probs, { where: x })).toThrow(
      'optim.softmaxCrossEntropy: expected where of the dtype bool, got float32.',
    );
  });
});

test('ctcLoss has first and second derivatives, as finite differences do, also inside vmap', () => {
  const sequences = random.normal(random.key(0), [2, 6, 4], { dtype: 'float64' });
  const direction = random.normal(random.key(1), [2, 6, 4], { dtype: 'float64' });
  const loss = (logits: Tensor) =>
    optim.ctcLoss(logits, ops.zeros([2, 6]), int([[1, 2], [3, 3]]), ops.zeros([2, 2])).sum(); // prettier-ignore
  const gradient = filterGrad(loss);
  const along = (f: (x: Tensor) => Tensor) =>
    f(sequences.add(direction, { alpha: 1e-5 }))
      .sub(f(sequences.sub(direction, { alpha: 1e-5 })))
      .div(2e-5);
  const slope = gradient(sequences).mul(direction).sum();
  expectClose(slope, along(loss).item(), { rtol: 1e-8 });
  const curvature = filterGrad((x: Tensor) => gradient(x).mul(direction).sum())(sequences);
  expectClose(curvature, along(gradient).toArray(), { rtol: 1e-6, atol: 1e-8 });
  const batch = ops.stack([sequences, sequences]);
  expectClose(filterVmap(gradient)(batch).select(0, 1), gradient(sequences).toArray(), { rtol: 1e-12 });
  expect(() => loss(sequences.to('float16'))).toThrow(
    'optim.ctcLoss: expected a logEpsilon that float16 holds, got -100000. Pass { logEpsilon: -1e4 }, or logits of float32.',
  );
});

test('the graph of ctcLoss is of one size for every length', () => {
  const loss = (logits: Tensor) =>
    optim.ctcLoss(logits, ops.zeros(logits.shape.slice(0, 2)), int([[1, 2]]), ops.zeros([1, 2])).sum();
  const count = (time: number) => {
    const { operators } = filterJit(filterGrad(loss)).lower(waves([1, time, 3]));
    return Object.values(operators).reduce((sum, n) => sum + n, 0);
  };
  expect(count(60)).toBe(count(6));
  expectClose(filterJit(loss)(waves([1, 60, 3])), loss(waves([1, 60, 3])).item());
});
