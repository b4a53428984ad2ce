/** Tools for finding out what transforms do: what is traced, what is removed, where NaN comes from. */
export { announceTransform, type AnnounceOptions } from './announce-transform';
export { backwardNan, type BackwardNanOptions } from './backward-nan';
export { breakpointIf } from './breakpoint-if';
export { assertDce, inspectDce, storeDce } from './dce';
export { assertMaxTraces, getNumTraces, type MaxTracesOptions } from './max-traces';
