import { optim, ops, tree, type Tensor } from '../../lib';

const rate: optim.Schedule = (count) => count.add(1).reciprocal().mul(0.1);
const matrices = (t: unknown): unknown => tree.map((x: unknown): unknown => (x as Tensor).ndim > 1, t);
const labels = (t: unknown): unknown =>
  tree.map((x: unknown): unknown => ((x as Tensor).ndim > 1 ? 'many' : 'few'), t);
const norm = (t: unknown): Tensor => optim.globalNorm(t);

/** Transformations under the names of scripts/fixtures/optimisers.py. */
export const optimiserCases: Readonly<Record<string, optim.GradientTransformation>> = {
  sgd: optim.sgd(0.1),
  'sgd:momentum': optim.sgd(0.1, { momentum: 0.9 }),
  'sgd:nesterov': optim.sgd(0.1, { momentum: 0.9, nesterov: true }),
  noisySgd: optim.noisySgd(0.1, { key: 3 }),
  signSgd: optim.signSgd(0.1),
  signum: optim.signum(0.1),
  adam: optim.adam(0.1),
  'adam:options': optim.adam(0.1, { b1: 0.5, b2: 0.9, eps: 1e-3, epsRoot: 1e-4 }),
  'adam:half': optim.adam(0.1, { muDtype: 'bfloat16' }),
  nadam: optim.nadam(0.1),
  adamw: optim.adamw(0.1, { weightDecay: 0.01, mask: matrices }),
  'adamw:schedules': optim.adamw(rate, { weightDecay: rate }),
  nadamw: optim.nadamw(0.1),
  adamax: optim.adamax(0.1),
  adamaxw: optim.adamaxw(0.1, { weightDecay: 0.1 }),
  adabelief: optim.adabelief(0.1),
  'adabelief:nesterov': optim.adabelief(0.1, { nesterov: true, eps: 1e-8 }),
  amsgrad: optim.amsgrad(0.1),
  'amsgrad:uncorrected': optim.amsgrad(0.1, { biasCorrectionMu: false, biasCorrectionNu: false }),
  adan: optim.adan(0.1, { weightDecay: 0.01 }),
  yogi: optim.yogi(0.1),
  radam: optim.radam(0.1),
  'radam:threshold': optim.radam(0.1, { b2: 0.9, threshold: 1.5, nesterov: true }),
  lion: optim.lion(0.1),
  optimisticAdam: optim.optimisticAdam(0.1),
  optimisticAdamV2: optim.optimisticAdamV2(rate, { alpha: 0.5 }),
  optimisticGradientDescent: optim.optimisticGradientDescent(0.1, { alpha: 0.9, beta: 0.3 }),
  adagrad: optim.adagrad(0.1),
  adadelta: optim.adadelta(0.5, { weightDecay: 0.1 }),
  rmsprop: optim.rmsprop(0.1),
  'rmsprop:centered': optim.rmsprop(0.1, { centered: true, momentum: 0.9, nesterov: true, initialScale: 1 }),
  'rmsprop:corrected': optim.rmsprop(0.1, { biasCorrection: true, epsInSqrt: false }),
  lamb: optim.lamb(0.1, { weightDecay: 0.1 }),
  lars: optim.lars(0.1, { weightDecay: 0.1, trustRatioMask: matrices, trustCoefficient: 0.5 }),
  fromage: optim.fromage(0.1),
  'fromage:schedule': optim.fromage(rate),
  novograd: optim.novograd(0.1, { weightDecay: 0.1 }),
  rprop: optim.rprop(0.1),
  polyakSgd: optim.polyakSgd(),
  'polyakSgd:plus': optim.polyakSgd({ variant: 'sps+', fMin: 3, scaling: rate }),
  adafactor: optim.adafactor(0.1),
  'adafactor:momentum': optim.adafactor(0.1, {
    momentum: 0.9,
    weightDecayRate: 0.1,
    clippingThreshold: null,
  }),
  scaleByStddev: optim.scaleByStddev({ biasCorrection: true, epsInSqrt: false, initialScale: 1 }),
  scaleByRms: optim.scaleByRms({ initialScale: 0.5 }),
  scaleByRss: optim.scaleByRss(),
  scaleByAdam: optim.scaleByAdam({ nesterov: true }),
  scaleByAmsgrad: optim.scaleByAmsgrad({ b1: 0.5 }),
  scaleByAdamax: optim.scaleByAdamax(),
  scaleByBelief: optim.scaleByBelief(),
  scaleByYogi: optim.scaleByYogi(),
  scaleByRadam: optim.scaleByRadam(),
  scaleByAdan: optim.scaleByAdan(),
  scaleByAdadelta: optim.scaleByAdadelta(),
  scaleByRprop: optim.scaleByRprop(0.1, { maxStepSize: 0.13 }),
  'scaleByLion:smooth': optim.scaleByLion({ mode: 'smooth', smoothBeta: 2 }),
  'scaleByLion:refined': optim.scaleByLion({ mode: 'refined' }),
  scaleBySign: optim.scaleBySign(),
  scaleByNovograd: optim.scaleByNovograd({ epsRoot: 0.1 }),
  scaleByOptimisticGradient: optim.scaleByOptimisticGradient(),
  scaleByTrustRatio: optim.scaleByTrustRatio({ minNorm: 0.7, eps: 0.1 }),
  scaleByParamBlockNorm: optim.scaleByParamBlockNorm(),
  scaleByParamBlockRms: optim.scaleByParamBlockRms(0.9),
  normalizeByUpdateNorm: optim.normalizeByUpdateNorm({ scaleFactor: 2 }),
  scaleByDistanceOverGradients: optim.scaleByDistanceOverGradients({ repsRel: 0.1 }),
  scaleByPolyak: optim.scaleByPolyak({ maxLearningRate: 0.5 }),
  scaleByFactoredRms: optim.scaleByFactoredRms({ minDimSizeToFactor: 2 }),
  scaleBySchedule: optim.scaleBySchedule(rate),
  scaleByLearningRate: optim.scaleByLearningRate(0.1),
  scale: optim.scale(-0.5),
  identity: optim.identity(),
  setToZero: optim.setToZero(),
  chain: optim.chain(optim.clip(0.2), optim.trace(0.9), optim.scale(-1)),
  namedChain: optim.namedChain(['second', optim.clip(0.2)], ['first', optim.sgd(0.1, { momentum: 0.9 })]),
  trace: optim.trace(0.9, { nesterov: true }),
  ema: optim.ema(0.9),
  'ema:half': optim.ema(0.9, { debias: false, accumulatorDtype: 'bfloat16' }),
  applyEvery: optim.applyEvery(3),
  clip: optim.clip(0.2),
  clipByGlobalNorm: optim.clipByGlobalNorm(0.5),
  clipByBlockRms: optim.clipByBlockRms(0.3),
  adaptiveGradClip: optim.adaptiveGradClip(0.1),
  addDecayedWeights: optim.addDecayedWeights(rate),
  addNoise: optim.addNoise(0.1, 0.5, 7),
  keepParamsNonnegative: optim.chain(optim.sgd(1), optim.keepParamsNonnegative()),
  zeroNans: optim.zeroNans(),
  centralize: optim.centralize(),
  applyIfFinite: optim.applyIfFinite(optim.adam(0.1), 1),
  conditionallyTransform: optim.conditionallyTransform(optim.adam(0.1), (step) => step.remainder(2).eq(1)),
  conditionallyMask: optim.conditionallyMask(optim.adam(0.1), (step) => step.remainder(2).eq(1)),
  masked: optim.masked(optim.adam(0.1), { a: true, b: false, c: true }),
  partition: optim.partition({ many: optim.adam(0.1), few: optim.sgd(0.5) }, labels),
  multiTransform: optim.multiTransform(
    { x: optim.adam(0.1), y: optim.setToZero() },
    { a: 'x', b: 'y', c: 'x' },
  ),
  freeze: optim.freeze({ a: true, b: false, c: false }),
  selectiveTransform: optim.selectiveTransform(optim.adam(0.1), {
    freezeMask: { a: true, b: false, c: false },
  }),
  flatten: optim.flatten(optim.adamw(0.1)),
  multiSteps: optim.multiSteps(optim.adam(0.1), 2),
  'multiSteps:schedule': optim.multiSteps(optim.sgd(0.1, { momentum: 0.9 }), (step) => step.add(1), {
    useGradMean: false,
  }),
  skipNotFinite: optim.multiSteps(optim.adam(0.1), 2, { shouldSkipUpdateFn: optim.skipNotFinite }),
  skipLargeUpdates: optim.multiSteps(optim.adam(0.1), 2, { shouldSkipUpdateFn: optim.skipLargeUpdates(3) }),
  // Optax injects what has a default, too.
  injectHyperparams: optim.injectHyperparams(
    (h) => optim.adam(h.learningRate, { b1: h.b1, b2: h.b2, eps: h.eps, epsRoot: h.epsRoot }),
    { learningRate: rate, b1: 0.8, b2: 0.999, eps: 1e-8, epsRoot: 0 },
  ),
  'injectHyperparams:lion': optim.injectHyperparams(
    (h) => optim.lion(h.learningRate, { b1: h.b1, b2: h.b2, weightDecay: h.weightDecay }),
    { learningRate: 0.1, b1: 0.9, b2: 0.99, weightDecay: rate },
  ),
  scheduleFree: optim.scheduleFree(optim.sgd(rate), rate, { b1: 0.8 }),
  scheduleFreeSgd: optim.scheduleFreeSgd(0.2, { warmupSteps: 3, weightDecay: 0.1 }),
  scheduleFreeAdamw: optim.scheduleFreeAdamw(0.1, { weightDecay: 0.1 }),
  prodigy: optim.prodigy(1, { estimLr0: 0.01, weightDecay: 0.1 }),
  'prodigy:safe': optim.prodigy(rate, { safeguardWarmup: true, estimLr0: 0.01 }),
  muon: optim.muon(0.1, { weightDecay: 0.1 }),
  'muon:dion': optim.muon(0.1, {
    nsCoeffs: 'dion',
    preconditioning: 'aol',
    consistentRms: 0.2,
    adaptive: true,
  }),
  'muon:schatten': optim.muon(0.1, { nsSteps: 3, preconditioning: 'schatten', nesterov: false }),
  reduceOnPlateau: optim.chain(
    optim.sgd(0.1),
    optim.reduceOnPlateau({ factor: 0.5, patience: 2, cooldown: 1 }),
  ),
  'reduceOnPlateau:mean': optim.chain(
    optim.sgd(0.1),
    optim.reduceOnPlateau({ patience: 1, accumulationSize: 2, minScale: 0.3 }),
  ),
  adopt: optim.adopt(0.1),
  'adopt:nesterov': optim.adopt(0.1, { nesterov: true, useClipping: false, b2: 0.9 }),
  scaleByAdopt: optim.scaleByAdopt({ clipValueFn: (count) => count.add(0.5) }),
  ademamix: optim.ademamix(0.1, { b3: 0.99, weightDecay: 0.01 }),
  scaleByAdemamix: optim.scaleByAdemamix({ alpha: rate }),
  snapshot: optim.chain(optim.sgd(0.1), optim.snapshot('norm', norm)),
  monitor: optim.monitor({ norm, mean: optim.measureWithEma(norm, 0.9) }),
  sm3: optim.sm3(0.1),
  scaleBySm3: optim.scaleBySm3({ b2: 0.9 }),
  'adafactor:factored': optim.adafactor(0.1, { minDimSizeToFactor: 2 }),
  scaleByMuon: optim.masked(optim.scaleByMuon({ preconditioning: 'spectral' }), { a: true, b: false }),
  'adaptiveGradClip:axis': optim.adaptiveGradClip(0.1, { axis: 0 }),
};

/** What some of them need in the fourth argument of `update`. */
export const extraOf: Readonly<Record<string, optim.ExtraArguments>> = {
  polyakSgd: { value: 2 },
  'polyakSgd:plus': { value: 2 },
  scaleByPolyak: { value: 4 },
  reduceOnPlateau: { value: 2 },
  'reduceOnPlateau:mean': { value: 2 },
};

/** Those that are tried with gradients which are not finite. */
export const isBroken = (name: string): boolean =>
  ['zeroNans', 'applyIfFinite', 'skipNotFinite'].includes(name);

/** The leaves of a state with their paths, as the fixtures list them. */
export function leavesOf(state: unknown, path: readonly string[] = []): [path: string, leaf: Tensor][] {
  if (state === null || state === undefined) return [];
  if (Array.isArray(state)) return state.flatMap((part: unknown, i) => leavesOf(part, [...path, String(i)]));
  if (Object.getPrototypeOf(state) !== Object.prototype) return [[path.join('.'), state as Tensor]];
  const parts = state as Readonly<Record<string, unknown>>;
  return Object.keys(parts)
    .sort()
    .flatMap((name) => leavesOf(parts[name], [...path, name]));
}

/** The elements of all tensors of a tree, in their order. */
export function elementsOf(t: unknown): Tensor {
  return ops.cat((tree.leaves(t) as Tensor[]).map((leaf) => leaf.reshape([-1])));
}
