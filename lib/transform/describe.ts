import { Tensor } from '../tensor/tensor';
import { describe } from '../tree';

/** A value as messages show it: tensors as float32[2,3], numbers and strings as they are, trees by their kind. */
export function describeValue(value: unknown): string {
  if (value instanceof Tensor) return `${value.dtype}[${value.shape.join()}]`;
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
    case 'boolean':
      return String(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return value.name === '' ? 'a function' : `the function ${value.name}`;
    default:
      return describe(value);
  }
}
