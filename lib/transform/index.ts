export { Enumeration, EnumerationItem, type EnumerationBase, type Messages } from './enumeration';
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
export { ifArray, type AxisRule } from './if-array';
export {
  clearCaches,
  filterJit,
  jit,
  type Donate,
  type FilterJitOptions,
  type Jitted,
  type JitOptions,
  type Lowered,
} from './jit';
export { filterVmap, vmap, type AxisSpec, type VmapOptions } from './vmap';
