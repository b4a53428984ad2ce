import { dtypeInfo, dtypeOfCode, type DType } from '../base/dtype';
import { DisposedError } from '../base/errors';
import { native, type Handle } from '../native';

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

/**
 * The handle of a tensor that is about to be used by `op`.
 *
 * @throws ERR_DISPOSED if the tensor's data is gone.
 */
export function handleOf(tensor: Tensor, op: string): Handle {
  const handle = tensor._handle;
  if (handle === 0) throw disposedError(tensor, op);
  return handle;
}

/** The error for a tensor whose data is gone. */
export function disposedError(tensor: Tensor, op: string): DisposedError {
  const reason = tensor._gone ?? 'it was disposed';
  return new DisposedError(`${op}: expected a live tensor, got one that is gone: ${reason}.`, { op });
}
