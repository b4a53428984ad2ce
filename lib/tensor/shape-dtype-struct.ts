import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import { showValue } from './show-value';

/**
 * What a tensor looks like, without its values.
 *
 * @throws ERR_ARGUMENT if the shape is no list of integers of at least 0; ERR_DTYPE for an unknown dtype.
 * @example
 * new ShapeDtypeStruct([2, 3], 'float32');
 * @see jax.ShapeDtypeStruct.
 */
export class ShapeDtypeStruct {
  readonly shape: readonly number[];
  readonly dtype: DType;

  constructor(shape: readonly number[], dtype: DType) {
    if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
      throw new ArgumentError(
        `ShapeDtypeStruct: expected a shape of integers of at least 0, got ${showValue(shape)}.`,
        { op: 'ShapeDtypeStruct' },
      );
    }
    this.shape = Object.freeze([...(shape as readonly number[])]);
    this.dtype = dtypeInfo(dtype, 'ShapeDtypeStruct').name;
  }

  /** The number of axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** The number of elements. */
  get size(): number {
    return this.shape.reduce((product, length) => product * length, 1);
  }

  /** As messages show tensors: `float32[2,3]`. */
  toString(): string {
    return `${this.dtype}[${this.shape.join()}]`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}
