export { Enumeration, EnumerationItem, type EnumerationBase, type Messages } from './enumeration';
export { branchedErrorIf, errorIf, type ErrorIfOptions, type OnError } from './error-if';
export {
  allGather,
  axisIndex,
  pmax,
  pmean,
  pmin,
  psum,
  type AllGatherOptions,
  type AxisName,
} from './collectives';
export {
  filterGrad,
  filterValueAndGrad,
  grad,
  valueAndGrad,
  type FilterGradOptions,
  type GradOptions,
} from './grad';
export type { Donate } from './donate';
export { clearCaches } from './program-cache';
export { ifArray, type AxisRule } from './if-array';
export { filterJit, jit, type FilterJitOptions, type Jitted, type JitOptions, type Lowered } from './jit';
export {
  filterPureCallback,
  pureCallback,
  type PureCallbackOptions,
  type ResultOf,
  type VmapMethod,
} from './pure-callback';
export {
  nonbatchable,
  nondifferentiable,
  nondifferentiableBackward,
  nontraceable,
  type StopOptions,
} from './stop';
export { filterVmap, vmap, type AxisSpec, type VmapOptions } from './vmap';
