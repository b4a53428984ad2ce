/**
 * Optimisers as Optax has them: pairs of functions `init` and `update` on trees, composed with `chain`; schedules; and
 * losses. They know nothing of modules and layers.
 */
export {
  adaptiveGradClip,
  perExampleGlobalNormClip,
  perExampleLayerNormClip,
  unitwiseClip,
  unitwiseNorm,
  type AdaptiveClipOptions,
} from './adaptive-clip';
export { addDecayedWeights } from './add-decayed-weights';
export { addNoise } from './add-noise';
export {
  adabelief,
  adam,
  adamax,
  adamaxw,
  adamw,
  adan,
  amsgrad,
  lion,
  nadam,
  nadamw,
  noisySgd,
  optimisticAdam,
  optimisticAdamV2,
  optimisticGradientDescent,
  radam,
  sgd,
  signSgd,
  signum,
  yogi,
  type AdamwOptions,
  type DecayOptions,
  type SgdOptions,
} from './alias';
export {
  adadelta,
  adafactor,
  adagrad,
  fromage,
  lamb,
  lars,
  novograd,
  polyakSgd,
  rmsprop,
  rprop,
  sm3,
  type AdafactorOptions,
  type LarsOptions,
  type RmspropOptions,
} from './alias-by-norm';
export {
  identity,
  stateless,
  type ExtraArguments,
  type GradientTransformation,
  type ScalarOrSchedule,
  type Schedule,
  type State,
  type StepSchedule,
} from './base';
export { chain, namedChain } from './chain';
export { clip, clipByBlockRms, clipByGlobalNorm, globalNorm } from './clip';
export {
  applyIfFinite,
  conditionallyMask,
  conditionallyTransform,
  type Condition,
  type ConditionalOptions,
} from './conditional';
export { centralize, keepParamsNonnegative, setToZero, zeroNans } from './constrain';
export { applyEvery, ema, type EmaOptions } from './ema';
export { flatten } from './flatten';
export { injectHyperparams, type Injected } from './inject-hyperparams';
export {
  incrementalUpdate,
  lookahead,
  lookaheadParams,
  periodicUpdate,
  type Lookahead,
  type LookaheadParams,
} from './lookahead';
export * from './losses';
export { lbfgs, valueAndGradFromState, type LbfgsOptions } from './lbfgs';
export { masked, type Mask } from './masked';
export { measureWithEma, monitor, snapshot, type Measure, type StatefulMeasure } from './monitor';
export {
  multiSteps,
  skipLargeUpdates,
  skipNotFinite,
  type MultiSteps,
  type MultiStepsOptions,
  type ShouldSkipUpdate,
} from './multi-steps';
export { freeze, multiTransform, partition, selectiveTransform, type Labels } from './partition';
export { projectionSimplex } from './projections';
export type { Scalar } from './scalar';
export { scale, scaleByLearningRate, scaleBySchedule } from './scale';
export { scaleByAdadelta, type AdadeltaOptions } from './scale-by-adadelta';
export { scaleByAdam, type AdamOptions } from './scale-by-adam';
export {
  scaleByAdamax,
  scaleByAdan,
  scaleByAmsgrad,
  scaleByBelief,
  scaleByYogi,
  type AdanOptions,
  type AmsgradOptions,
  type BeliefOptions,
  type MomentOptions,
  type YogiOptions,
} from './scale-by-adam-variants';
export { scaleByFactoredRms, type FactoredRmsOptions } from './scale-by-factored-rms';
export {
  scaleByLion,
  scaleByOptimisticGradient,
  scaleBySign,
  type LionOptions,
  type OptimisticOptions,
} from './scale-by-lion';
export {
  normalizeByUpdateNorm,
  scaleByDistanceOverGradients,
  scaleByParamBlockNorm,
  scaleByParamBlockRms,
  scaleByPolyak,
  scaleByTrustRatio,
  type DistanceOptions,
  type PolyakOptions,
  type TrustRatioOptions,
  type UpdateNormOptions,
} from './scale-by-norm';
export { scaleByNovograd, type NovogradOptions } from './scale-by-novograd';
export { scaleByRadam, type RadamOptions } from './scale-by-radam';
export { scaleByRms, scaleByRss, scaleByStddev, type RmsOptions, type RssOptions } from './scale-by-rms';
export { scaleByRprop, type RpropOptions } from './scale-by-rprop';
export { scaleBySm3, type Sm3Options } from './scale-by-sm3';
export {
  constantSchedule,
  cosineDecaySchedule,
  exponentialDecay,
  joinSchedules,
  linearSchedule,
  polynomialSchedule,
  type CosineDecayOptions,
  type ExponentialDecayOptions,
} from './schedule';
export {
  cosineOnecycleSchedule,
  linearOnecycleSchedule,
  piecewiseConstantSchedule,
  piecewiseInterpolateSchedule,
  sgdrSchedule,
  warmupConstantSchedule,
  warmupCosineDecaySchedule,
  warmupExponentialDecaySchedule,
  type BoundariesAndScales,
  type CosineCycle,
  type LinearOnecycleOptions,
  type WarmupCosineOptions,
} from './schedule-compound';
export { trace, type TraceOptions } from './trace';
export { scaleByBacktrackingLinesearch, type BacktrackingOptions } from './scale-by-backtracking-linesearch';
export { scaleByLbfgs, type LbfgsMemoryOptions } from './scale-by-lbfgs';
export { muon, scaleByMuon, type Coefficients, type MuonOptions, type ScaleByMuonOptions } from './muon';
export { prodigy, type ProdigyOptions } from './prodigy';
export { reduceOnPlateau, type PlateauOptions } from './reduce-on-plateau';
export {
  ademamix,
  adopt,
  scaleByAdemamix,
  scaleByAdopt,
  type AdemamixOptions,
  type AdoptOptions,
} from './scale-by-adopt';
export {
  scheduleFree,
  scheduleFreeAdamw,
  scheduleFreeEvalParams,
  scheduleFreeSgd,
  type ScheduleFreeAdamwOptions,
  type ScheduleFreeOptions,
  type ScheduleFreeSgdOptions,
} from './schedule-free';
export { scaleByZoomLinesearch, type ZoomOptions } from './scale-by-zoom-linesearch';
