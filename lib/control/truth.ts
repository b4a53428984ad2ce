import { TransformError } from '../base/errors';
import { callNamed } from '../ops/call';
import { tensor } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import { refusePromise } from '../tensor/tidy';
import { describeValue } from '../transform/describe';

/**
 * A loop's condition as a tensor.
 *
 * @throws ERR_TRANSFORM if it is no scalar truth value.
 */
export function truthOf(value: unknown): Tensor {
  refusePromise(value, 'whileLoop');
  if (typeof value === 'boolean') return tensor(value);
  if (value instanceof Tensor && value.dtype === 'bool' && value.ndim === 0) return value;
  throw new TransformError(
    `whileLoop: expected a condition that returns a scalar truth value, got ${describeValue(value)}. Compare, or reduce with all() or any().`,
    { op: 'whileLoop' },
  );
}

/**
 * Whether a truth value holds for any element of the batches of all `vmap`s around: the same for all of them.
 *
 * @see equinox.internal.unvmap_any.
 */
export function unvmapAny(value: Tensor): Tensor {
  return callNamed('equinode::unvmap_any', value) as Tensor;
}
