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
export { checkpoint, filterCheckpoint } from './checkpoint';
export { closureConvert, filterClosureConvert } from './closure-convert';
export { evalShape, filterEvalShape, type Shapes } from './eval-shape';
export { filterMakeGraph, makeGraph, type FunctionGraph } from './make-graph';
export { customJvp, filterCustomJvp, type CustomJvp, type FilterCustomJvp } from './custom-jvp';
export {
  customVjp,
  filterCustomVjp,
  type CustomRuleOptions,
  type CustomVjp,
  type FilterCustomVjp,
} from './custom-vjp';
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
export {
  filterHessian,
  filterJacfwd,
  filterJacrev,
  hessian,
  jacfwd,
  jacrev,
  type FilterJacobianOptions,
  type JacobianOptions,
} from './jacobian';
export { filterJvp, jvp, type JvpOptions } from './jvp';
export { stopGradient } from './stop-gradient';
export { filterVjp, vjp, type PullBack, type VjpOptions } from './vjp';
export { filterVmap, vmap, type AxisSpec, type VmapOptions } from './vmap';
