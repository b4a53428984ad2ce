import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import { zeros } from '../ops';
import type { Tensor } from '../tensor/tensor';
import {
  requireDtypes,
  requireNumbers,
  requireParams,
  requireState,
  type GradientTransformation,
} from './base';
import { addScaled, average, kept, plus, sumOfSquares, type Scalar } from './scalar';
import { countFor, increment, madeFor, Updates, zerosFor } from './updates';

export interface NovogradOptions {
  /** The decay of momentum; 0.9 unless given. */
  readonly b1?: Scalar | undefined;
  /** The decay of the mean of squared norms; 0.25 unless given. */
  readonly b2?: Scalar | undefined;
  /** Added outside of the square root; 1e-8 unless given. */
  readonly eps?: Scalar | undefined;
  /** Added inside of the square root; 0 unless given. */
  readonly epsRoot?: Scalar | undefined;
  /** How much of the parameters is added to the gradients; 0 unless given. */
  readonly weightDecay?: Scalar | undefined;
  /** The dtype in which momentum is kept; that of the parameters unless given. */
  readonly muDtype?: DType | undefined;
}

/**
 * Momentum of gradients that are divided by the root of a decaying mean of their squared norm, one for each tensor.
 *
 * The state is `{ count, mu, nu }`; `nu` has one number for each parameter.
 *
 * @throws ERR_ARGUMENT, in `update`, if it gets no parameters.
 * @see optax.scale_by_novograd; Ginsburg et al. 2019, arXiv:1905.11286.
 */
export function scaleByNovograd(options: NovogradOptions = {}): GradientTransformation {
  const op = 'optim.scaleByNovograd';
  requireOptions(options, ['b1', 'b2', 'eps', 'epsRoot', 'weightDecay', 'muDtype'], op);
  const { b1 = 0.9, b2 = 0.25, eps = 1e-8, epsRoot = 0, weightDecay = 0, muDtype } = options;
  requireNumbers({ b1, b2, eps, epsRoot, weightDecay }, op);
  requireDtypes({ muDtype }, op);
  return {
    init: (params) => ({
      count: countFor(params),
      mu: zerosFor(params, muDtype),
      nu: madeFor(params, ({ dtype, device }) => zeros([], { dtype, device })),
    }),
    update(updates, state, params) {
      requireParams(params, op);
      const { count: before, mu, nu } = requireState(state, ['count', 'mu', 'nu'], op);
      const count = increment(before as Tensor);
      const isFirst = count.eq(1);
      const step = (update: Tensor, norm: unknown, m: unknown, param: unknown): readonly Tensor[] => {
        const last = norm as Tensor;
        const square = kept(sumOfSquares(update), last.dtype);
        const nextV = isFirst.where(square, average(last, square, b2));
        const scaled = update.div(plus(plus(nextV, epsRoot).sqrt(), eps));
        const decayed = weightDecay === 0 ? scaled : addScaled(scaled, param as Tensor, weightDecay);
        const nextM = kept(addScaled(decayed, m as Tensor, b1), (m as Tensor).dtype);
        return [nextM, nextM, nextV];
      };
      const results = new Updates(updates, op).mapParts(step, { nu }, { mu, params });
      const [changed, nextMu = mu, nextNu = nu] = results;
      return [changed as typeof updates, { count, mu: nextMu, nu: nextNu }];
    },
  };
}
