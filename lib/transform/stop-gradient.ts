import { detach } from '../ops';
import { Tensor } from '../tensor/tensor';
import { flatten, unflatten } from '../tree';

/**
 * The same values, without a derivative in any mode: gradients and tangents of what comes of them are zero.
 *
 * @param x  any tree; leaves that are no tensors stay as they are.
 * @see jax.lax.stop_gradient.
 */
export function stopGradient<T>(x: T): T {
  const [leaves, structure] = flatten(x);
  return unflatten(
    structure,
    leaves.map((leaf) => (leaf instanceof Tensor ? detach(leaf) : leaf)),
  ) as T;
}
