/** Losses as Optax has them: functions of predictions and targets. */
export {
  generalizedKlDivergence,
  hingeLoss,
  klDivergence,
  klDivergenceWithLogTargets,
  multiclassHingeLoss,
  multiclassPerceptronLoss,
  multiclassSparsemaxLoss,
  perceptronLoss,
  polyLossCrossEntropy,
  safeSoftmaxCrossEntropy,
  sigmoidBinaryCrossEntropy,
  sigmoidFocalLoss,
  softmaxCrossEntropy,
  softmaxCrossEntropyWithIntegerLabels,
  sparsemaxLoss,
  type FocalOptions,
  type PolyOptions,
} from './classification';
export type { ReductionOptions } from './arguments';
export { ctcLoss, ctcLossWithForwardProbs, type CtcOptions } from './ctc';
export { rankingSoftmaxLoss, type RankingOptions } from './ranking';
export {
  cosineDistance,
  cosineSimilarity,
  huberLoss,
  l2Loss,
  logCosh,
  squaredError,
  type CosineOptions,
} from './regression';
export { binaryDiceLoss, diceLoss, multiclassGeneralizedDiceLoss, type DiceOptions } from './segmentation';
export { ntxent, tripletMarginLoss, type TripletOptions } from './self-supervised';
export { makeFenchelYoungLoss, smoothLabels, type MaxFunction } from './smoothing';
