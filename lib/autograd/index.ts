/**
 * libtorch's own autograd, for code that wants a tape instead of a transform: `requiresGrad_`, `backward`, `grad`.
 * The transforms (`grad`, `filterGrad`) need none of it.
 */
export { backward, detach, grad, noGrad, type BackwardOptions, type GradOptions } from './autograd';
