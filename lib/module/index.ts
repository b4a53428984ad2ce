export { applyUpdates } from './apply-updates';
export { bind, BoundMethod, type MethodName } from './bound-method';
export { call, isCallable, type Callable } from './call';
export { treeEqual, treeEqualTraced, type EqualOptions } from './equal';
export { Field, field, type FieldOptions } from './field';
export { Module, module } from './module';
export { Partial } from './partial';
export { treePformat, treePprint, type PformatOptions } from './pformat';
export { moduleUpdateWrapper } from './update-wrapper';
