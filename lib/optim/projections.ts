import { dtypeInfo } from '../base/dtype';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors';
import { arange, to } from '../ops';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
import { describe } from '../tree';

/**
 * The nearest vector whose elements are not negative and add up to a number, along the last axis.
 *
 * @param scale  That number; 1 unless given.
 * @throws ERR_ARGUMENT, ERR_DTYPE, ERR_SHAPE for what is no such vector, or another number.
 * @see optax.projections.projection_simplex; Duchi et al. 2008.
 */
export function projectionSimplex(x: Tensor, scale = 1): Tensor {
  const op = 'optim.projectionSimplex';
  if (!((x as unknown) instanceof Tensor)) {
    throw new ArgumentError(`${op}: expected a tensor, got ${describe(x)}.`, { op });
  }
  handleOf(x, op);
  if (dtypeInfo(x.dtype).kind !== 'float') {
    throw new DtypeError(`${op}: expected a floating-point dtype, got ${x.dtype}.`, { op });
  }
  if ((x.shape.at(-1) ?? 0) === 0) {
    throw new ShapeError(`${op}: expected an axis of at least one element, got [${x.shape.join()}].`, { op });
  }
  if (!(Number.isFinite(scale) && scale > 0)) {
    throw new ArgumentError(`${op}: expected scale to be a finite number above 0, got ${String(scale)}.`, {
      op,
    });
  }
  const [descending] = x.sort(-1, true);
  const excess = descending.cumsum(-1).sub(scale);
  const ranks = arange(1, x.shape.at(-1)! + 1, { dtype: x.dtype, device: x.device });
  const isInside = descending.sub(excess.div(ranks)).gt(0);
  const count = isInside.sum(-1, true);
  const threshold = excess.gather(-1, count.sub(1)).div(to(count, x.dtype));
  return x.sub(threshold).relu();
}
