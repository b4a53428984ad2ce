import { dtypeInfo, dtypes, isDType, type DType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import { showValue } from '../tensor/show-value';
import { Tensor } from '../tensor/tensor';
import { map } from '../tree';
import { callNamed } from './call';
import { unbind } from './generated';

export interface ToOptions {
  readonly dtype?: DType | undefined;
  readonly device?: string | undefined;
}

function isDevice(name: string): boolean {
  return /^(cpu|meta|cuda(:\d+)?)$/.test(name);
}

/** See `Tensor.to`. */
export function to(value: Tensor, target: DType | (string & {}) | ToOptions): Tensor {
  const { dtype, device } = isOptions(target) ? target : named(target);
  if (dtype !== undefined) dtypeInfo(dtype, 'to');
  return callNamed(
    'aten::to.dtype_layout',
    value,
    dtype ?? undefined,
    undefined,
    device ?? undefined,
  ) as Tensor;
}

function isOptions(target: unknown): target is ToOptions {
  return typeof target === 'object' && target !== null;
}

function named(target: unknown): ToOptions {
  if (isDType(target)) return { dtype: target };
  if (typeof target === 'string' && isDevice(target)) return { device: target };
  throw new ArgumentError(
    `to: expected a device ('cpu', 'cuda', 'cuda:1') or a dtype (${dtypes.join(', ')}), got ${showValue(target)}.`,
    { op: 'to' },
  );
}

/**
 * Moves every tensor of a tree to a device; other leaves stay as they are.
 *
 * @throws ERR_DEVICE if the device is unknown or not there.
 * @see jax.device_put.
 */
export function devicePut<T>(tree: T, device: string): T {
  return map((leaf: unknown) => (leaf instanceof Tensor ? to(leaf, { device }) : leaf), tree);
}

declare module '../tensor/tensor' {
  interface Tensor {
    /**
     * The same values with another dtype or on another device; the tensor itself where nothing changes.
     *
     * @param target  a dtype ('float64'), a device ('cuda:0'), or both as `{ dtype, device }`.
     * @throws ERR_DEVICE if the device is not there; ERR_ARGUMENT if the name is neither.
     * @see torch.Tensor.to.
     */
    to(target: DType | (string & {}) | ToOptions): Tensor;
    /** The tensors along the first axis. */
    [Symbol.iterator](): IterableIterator<Tensor>;
  }
}

Tensor.prototype.to = function (target) {
  return to(this, target);
};

Tensor.prototype[Symbol.iterator] = function (): IterableIterator<Tensor> {
  if (this.ndim === 0) {
    throw new ArgumentError(`Tensor: expected an axis to iterate over, got ${this.dtype}[]. Use item().`);
  }
  return unbind(this, 0).values();
};
