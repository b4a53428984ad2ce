import { Tensor } from '../tensor/tensor';
import { describe } from '../tree';

/** A value as messages show it: tensors as float32[2,3]. */
export function describeValue(value: unknown): string {
  return value instanceof Tensor ? `${value.dtype}[${value.shape.join()}]` : describe(value);
}
