/**
 * Equinode: Equinox for Node. Models are PyTrees; `jit`, `grad` and `vmap` are functions on functions; the numerics
 * are libtorch's.
 */

// Tensors.
export { Complex } from './base/complex';
export { dtypes, isDType, type DType } from './base/dtype';
export { fromBuffer, tensor, type TensorData, type TensorOptions } from './tensor/create';
export * as cuda from './tensor/cuda';
export { type Element, type NestedArray, type TypedArray } from './tensor/host';
export { memory, trimMemory, type MemoryInfo } from './tensor/memory';
export { ShapeDtypeStruct } from './tensor/shape-dtype-struct';
export { Tensor } from './tensor/tensor';
export { tidy } from './tensor/tidy';
export {
  arange,
  empty,
  emptyLike,
  eye,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  zeros,
  zerosLike,
  type Shape,
} from './ops/create';
export { devicePut, type ToOptions } from './ops/convert';
export { slice, type IndexSpec } from './ops/indexing';

// The common operators; all of them are in `ops`.
export {
  abs,
  argmax,
  argmin,
  cat,
  clamp,
  cos,
  dot,
  einsum,
  erf,
  exp,
  gelu,
  log,
  logSoftmax,
  logsumexp,
  matmul,
  maximum,
  mean,
  minimum,
  outer,
  pow,
  relu,
  sigmoid,
  silu,
  sin,
  softmax,
  softplus,
  sqrt,
  square,
  stack,
  sum,
  tanh,
  where,
} from './ops';
export * as ops from './ops';
export * as autograd from './autograd';

// Trees, modules and filters.
export * as tree from './tree/public';
export { treeAt, treeCheck, treeFlattenOneLevel } from './tree';
export {
  applyUpdates,
  bind,
  BoundMethod,
  call,
  field,
  Module,
  module,
  moduleUpdateWrapper,
  Partial,
  treeEqual,
  treeEqualTraced,
  treePformat,
  treePprint,
  type Callable,
  type EqualOptions,
  type FieldOptions,
  type MethodName,
  type PformatOptions,
} from './module';
export {
  combine,
  filter,
  isArray,
  isArrayLike,
  isInexactArray,
  isInexactArrayLike,
  partition,
  type FilterOptions,
  type FilterSpec,
} from './filter';

// Transforms.
export {
  allGather,
  axisIndex,
  branchedErrorIf,
  checkpoint,
  clearCaches,
  closureConvert,
  customJvp,
  customVjp,
  Enumeration,
  EnumerationItem,
  errorIf,
  evalShape,
  filterCheckpoint,
  filterClosureConvert,
  filterCustomJvp,
  filterCustomVjp,
  filterEvalShape,
  filterGrad,
  filterHessian,
  filterJacfwd,
  filterJacrev,
  filterJit,
  filterJvp,
  filterMakeGraph,
  filterPureCallback,
  filterValueAndGrad,
  filterVjp,
  filterVmap,
  grad,
  hessian,
  ifArray,
  jacfwd,
  jacrev,
  jit,
  jvp,
  makeGraph,
  nonbatchable,
  nondifferentiable,
  nondifferentiableBackward,
  nontraceable,
  pmax,
  pmean,
  pmin,
  psum,
  pureCallback,
  stopGradient,
  valueAndGrad,
  vjp,
  vmap,
  type AllGatherOptions,
  type AxisName,
  type AxisRule,
  type AxisSpec,
  type CustomJvp,
  type CustomRuleOptions,
  type CustomVjp,
  type Donate,
  type ErrorIfOptions,
  type FilterCustomJvp,
  type FilterCustomVjp,
  type FilterGradOptions,
  type FilterJacobianOptions,
  type FilterJitOptions,
  type FunctionGraph,
  type GradOptions,
  type JacobianOptions,
  type JitOptions,
  type Jitted,
  type JvpOptions,
  type Lowered,
  type OnError,
  type PullBack,
  type PureCallbackOptions,
  type Shapes,
  type StopOptions,
  type VjpOptions,
  type VmapMethod,
  type VmapOptions,
} from './transform';

// Control flow.
export {
  cond,
  foriLoop,
  map,
  scan,
  switchCase,
  whileLoop,
  type MapOptions,
  type ScanOptions,
  type WhileKind,
  type WhileLoopOptions,
} from './control';

// Libraries.
export * as data from './data';
export * as debug from './debug';
export * as io from './io';
export * as nn from './nn';
export * as optim from './optim';
export * as random from './random';
export { treeDeserialiseLeaves, treeSerialiseLeaves } from './io';

// Errors.
export {
  ArgumentError,
  ConcretisationError,
  DeviceError,
  DisposedError,
  DtypeError,
  EquinodeError,
  EquinodeRuntimeError,
  FormatError,
  ModuleError,
  OperatorError,
  OutOfMemoryError,
  SetupError,
  ShapeError,
  TransformError,
  TreeError,
  type ErrorCode,
} from './base/errors';
