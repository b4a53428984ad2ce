/**
 * Optimisers as Optax has them: pairs of functions `init` and `update` on trees, composed with `chain`. They know
 * nothing of modules and layers.
 */
export { addDecayedWeights } from './add-decayed-weights';
export { adam, adamw, sgd, type AdamwOptions, type SgdOptions } from './alias';
export {
  identity,
  type GradientTransformation,
  type ScalarOrSchedule,
  type Schedule,
  type State,
} from './base';
export { chain } from './chain';
export { clip, clipByGlobalNorm, globalNorm } from './clip';
export { masked, type Mask } from './masked';
export { scale, scaleByLearningRate, scaleBySchedule } from './scale';
export { scaleByAdam, type AdamOptions } from './scale-by-adam';
export { constantSchedule } from './schedule';
export { trace, type TraceOptions } from './trace';
