import { DtypeError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { zeros } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { requireNumbers, requireState, type GradientTransformation } from './base';
import { average, isComplex, oneMinus, times, type Scalar } from './scalar';
import { inverseRoot } from './scale-by-rms';
import { madeFor, Updates, zerosFor } from './updates';

export interface Sm3Options {
  /** The decay of the mean of scaled gradients; 0.9 unless given. */
  readonly b1?: Scalar | undefined;
  /** The decay of the sums of squares; 1 unless given. */
  readonly b2?: Scalar | undefined;
  /** Added inside of the square root; 1e-8 unless given. */
  readonly eps?: Scalar | undefined;
}

/**
 * Adagrad with one sum for each slice along each axis instead of each element.
 *
 * The state is `{ mu, nu }`: for each parameter an array of the sums along its axes; the mean of scaled gradients.
 *
 * @throws ERR_SHAPE for a parameter without axes, ERR_DTYPE for a complex one, in `init`.
 * @see optax.scale_by_sm3; Anil et al. 2019, arXiv:1901.11150.
 */
export function scaleBySm3(options: Sm3Options = {}): GradientTransformation {
  const op = 'optim.scaleBySm3';
  requireOptions(options, ['b1', 'b2', 'eps'], op);
  const { b1 = 0.9, b2 = 1, eps = 1e-8 } = options;
  requireNumbers({ b1, b2, eps }, op);
  return {
    init(params) {
      const sums = (param: Tensor): Tensor[] => {
        if (param.ndim === 0) {
          throw scalarRefused(op);
        }
        if (isComplex(param)) {
          throw new DtypeError(`${op}: expected real parameters, got ${param.dtype}.`, { op });
        }
        const { dtype, device } = param;
        return param.shape.map((size) => zeros([size], { dtype, device }));
      };
      return { mu: madeFor(params, sums), nu: zerosFor(params) };
    },
    update(updates, state) {
      const { mu, nu } = requireState(state, ['mu', 'nu'], op);
      const step = (update: Tensor, parts: unknown, last: unknown): readonly unknown[] => {
        const before = smallest(update, parts as readonly Tensor[]);
        const square = update.square();
        const added = b2 === 1 ? before.add(square) : times(square, oneMinus(b2)).add(times(before, b2));
        const next = average(last as Tensor, update.mul(inverseRoot(added, eps)), b1);
        return [next, largest(added), next];
      };
      const all = new Updates(updates, op);
      const needsAxes = all.tensors.find(({ ndim }) => ndim === 0);
      if (needsAxes !== undefined) throw scalarRefused(op);
      all.requireParts('mu', mu, ({ shape }) => shape.map((size) => [size]));
      const results = all.mapParts(step, { mu }, { nu });
      const [changed, nextMu = mu, nextNu = nu] = results;
      return [changed as typeof updates, { mu: nextMu, nu: nextNu }];
    },
  };
}

function scalarRefused(op: string): ShapeError {
  return new ShapeError(`${op}: expected parameters with at least one axis, got a scalar. Mask it out.`, {
    op,
  });
}

/** For each element the smallest of the sums of the slices that it lies in. */
function smallest(like: Tensor, sums: readonly Tensor[]): Tensor {
  const spread = sums.map((sum, axis) => sum.reshape(like.shape.map((size, i) => (i === axis ? size : 1))));
  return spread.reduce((least, one) => least.minimum(one));
}

/** For each slice along each axis the largest element. */
function largest(x: Tensor): Tensor[] {
  if (x.ndim < 2) return [x];
  // There is no largest of none.
  if (x.size === 0) return x.shape.map((size) => zeros([size], { dtype: x.dtype, device: x.device }));
  return x.shape.map((_size, axis) => x.amax(x.shape.map((_, i) => i).filter((i) => i !== axis)));
}
