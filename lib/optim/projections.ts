import { arange, to } from '../ops';
import type { Tensor } from '../tensor/tensor';

/**
 * The nearest vector whose elements are not negative and add up to a number, along the last axis.
 *
 * @param scale  That number; 1 unless given.
 * @see optax.projections.projection_simplex; Duchi et al. 2008.
 */
export function projectionSimplex(x: Tensor, scale = 1): Tensor {
  const [descending] = x.sort(-1, true);
  const excess = descending.cumsum(-1).sub(scale);
  const ranks = arange(1, x.shape.at(-1)! + 1, { dtype: x.dtype, device: x.device });
  const isInside = descending.sub(excess.div(ranks)).gt(0);
  const count = isInside.sum(-1, true);
  const threshold = excess.gather(-1, count.sub(1)).div(to(count, x.dtype));
  return x.sub(threshold).relu();
}
