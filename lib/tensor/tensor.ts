import { dtypeInfo, dtypeOfCode, type DType } from '../base/dtype';
import { ShapeError } from '../base/errors';
export { disposedError, handleOf } from './handle';
import { native, type Handle } from '../native';
import { handleOf } from './handle';
import {
  readItem,
  readNested,
  readTyped,
  readTypedAsync,
  type Element,
  type NestedArray,
  type TypedArray,
} from './host';
import { printTensor } from './print';

/**
 * An immutable n-dimensional array on the CPU or a GPU.
 *
 * Made by `tensor(data)`, `zeros(shape)` and the like, and by operators; never with `new`. Operators are methods
 * (`x.add(y)`) and functions (`ops.add(x, y)`); see `lib/ops`.
 *
 * Memory needs no care: inside transforms and `tidy` what is not returned is released at the end, and everything
 * else when it is garbage-collected. `dispose()` and `using` release earlier.
 *
 * @see torch.Tensor, jax.Array. Values never change: there are no in-place operators.
 */
export class Tensor {
  /** @internal The slot in the addon; 0 once disposed. */
  _handle: Handle;
  /** @internal Keeps the native guard alive as long as this object lives. See NOTE [slot lifetime]. */
  _guard: object | undefined;
  private _shape: readonly number[] | undefined;
  private _dtype: DType | undefined;
  /** @internal Why the tensor is gone, for the error message. */
  _gone: string | undefined;

  /** @internal */
  constructor(handle: Handle) {
    this._handle = handle;
    this._guard = undefined;
    this._shape = undefined;
    this._dtype = undefined;
    this._gone = undefined;
  }

  /** The size of each axis; `[]` for a scalar. */
  get shape(): readonly number[] {
    return (this._shape ??= Object.freeze(native().shape(handleOf(this, 'shape'))));
  }

  /** The number of axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** The number of elements. */
  get size(): number {
    let size = 1;
    for (const length of this.shape) size *= length;
    return size;
  }

  /** The element type. */
  get dtype(): DType {
    return (this._dtype ??= dtypeOfCode(native().dtype(handleOf(this, 'dtype'))).name);
  }

  /** Where the data lies: `cpu` or `cuda:0`. */
  get device(): string {
    return native().device(handleOf(this, 'device'));
  }

  /** The size of the data in bytes. */
  get nbytes(): number {
    return this.size * dtypeInfo(this.dtype).itemBytes;
  }

  /**
   * Reads the only element.
   *
   * @returns a number; a bigint for integers beyond 2^53; a boolean; a `Complex`.
   * @throws ERR_SHAPE if there is not exactly one element.
   * @throws ERR_CONCRETISATION inside `jit`, `vmap` or `grad`, where the value is not known.
   * @throws ERR_DISPOSED if the tensor is gone.
   */
  item(): Element {
    return readItem(this, 'item');
  }

  /**
   * Reads all elements into nested arrays.
   *
   * @returns arrays nested as the shape says; the element itself for a scalar.
   * @throws ERR_CONCRETISATION, ERR_DISPOSED as `item` does.
   */
  toArray(): NestedArray {
    return readNested(this, 'toArray');
  }

  /**
   * Copies all elements in row-major order into a typed array of the same type.
   *
   * @returns a copy: int64 gives BigInt64Array, bool Uint8Array, float16 and bfloat16 a Float32Array with the same
   *   values, complex numbers pairs of real and imaginary parts.
   * @throws ERR_CONCRETISATION, ERR_DISPOSED as `item` does.
   */
  toTypedArray(): TypedArray {
    return readTyped(this, 'toTypedArray');
  }

  /**
   * `toTypedArray` on a worker thread, so that waiting for a GPU does not block the event loop.
   *
   * @throws as `toTypedArray` does, as a rejection.
   */
  async data(): Promise<TypedArray> {
    return readTypedAsync(this, 'data');
  }

  /** Lets a concrete one-element tensor stand in `Number(t)`, `t > 0` and template strings. */
  [Symbol.toPrimitive](hint: string): string | number | bigint | boolean {
    if (this.size !== 1) {
      throw new ShapeError(
        `Tensor: expected one element to stand as a number or in a template string, got ${this.dtype}[${this.shape.join()}]. ` +
          'Use toString(), toArray() or toTypedArray().',
      );
    }
    const value = readItem(this, 'Tensor');
    if (hint === 'string') return String(value);
    return typeof value === 'object' ? value.toString() : value;
  }

  /** The values as PyTorch prints them, with dtype and shape: `tensor([1., 2.], float32[2])`. */
  toString(): string {
    return printTensor(this);
  }

  /** What `console.log` and `util.inspect` show: the same as `toString`. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return printTensor(this);
  }

  /** Whether the tensor's data has been released. */
  get isDisposed(): boolean {
    return this._handle === 0;
  }

  /** Releases the data now. Using the tensor afterwards is an error; disposing twice is not. */
  dispose(): void {
    const handle = this._handle;
    if (handle === 0) return;
    this._handle = 0;
    this._guard = undefined;
    native().release(handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
