import { requireOptions } from '../base/options';
import { full } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { whileLoop } from '../control';
import {
  requireFlags,
  requireNumbers,
  requireNumber,
  requireState,
  type GradientTransformation,
  type State,
} from './base';
import { Line } from './line-search';
import { countFor, numberFor, zerosFor } from './updates';

export interface BacktrackingOptions {
  /** The part of the slope by which the value must fall; 1e-4 unless given. */
  readonly slopeRtol?: number | undefined;
  /** By what a step shrinks that is too long; 0.8 unless given. */
  readonly decreaseFactor?: number | undefined;
  /** By what the first try is longer than the last step; 1.5 unless given. */
  readonly increaseFactor?: number | undefined;
  /** The longest step; 1 unless given. */
  readonly maxLearningRate?: number | undefined;
  /** How much the value may miss; 0 unless given. */
  readonly atol?: number | undefined;
  /** How much it may miss, as a part of the value; 0 unless given. */
  readonly rtol?: number | undefined;
  /** Whether the state keeps the gradients of the new parameters, for `valueAndGradFromState`; false unless given. */
  readonly storeGrad?: boolean | undefined;
}

const names = [
  'slopeRtol',
  'decreaseFactor',
  'increaseFactor',
  'maxLearningRate',
  'atol',
  'rtol',
  'storeGrad',
];

/** What a loop carries from try to try. */
interface Search {
  readonly learningRate: Tensor;
  readonly value: Tensor;
  readonly grads: readonly Tensor[];
  readonly decreaseError: Tensor;
  readonly count: Tensor;
}

/**
 * Shortens updates until the value falls by enough.
 *
 * `update` needs `{ value, grad, valueFn }` in its fourth argument. The state is
 * `{ learningRate, value, grad, info: { numLinesearchSteps, decreaseError } }`.
 *
 * @param maxBacktrackingSteps  How often a step may shrink.
 * @throws ERR_ARGUMENT unless that is an integer from 0 on, and, in `update`, if something is missing.
 * @see optax.scale_by_backtracking_linesearch; Nocedal and Wright, Numerical Optimization (2006), section 3.1.
 */
export function scaleByBacktrackingLinesearch(
  maxBacktrackingSteps: number,
  options: BacktrackingOptions = {},
): GradientTransformation {
  const op = 'optim.scaleByBacktrackingLinesearch';
  requireOptions(options, names, op);
  requireNumber('maxBacktrackingSteps', maxBacktrackingSteps, op, { atLeast: 0, isInteger: true });
  const { slopeRtol = 1e-4, decreaseFactor = 0.8, increaseFactor = 1.5, maxLearningRate = 1 } = options;
  const { atol = 0, rtol = 0, storeGrad = false } = options;
  requireNumbers({ slopeRtol, decreaseFactor, increaseFactor, maxLearningRate, atol, rtol }, op);
  requireFlags({ storeGrad }, op);
  return {
    init: (params) => firstState(params, storeGrad),
    update(updates, state, params, extra) {
      const { learningRate: lastRate } = requireState(state, ['learningRate', 'value', 'grad', 'info'], op);
      const line = new Line(updates, params, extra, op);
      const missing = (rate: Tensor, value: Tensor): Tensor => {
        const error = value
          .sub(line.value, { alpha: 1 + rtol })
          .sub(rate.mul(line.slope), { alpha: slopeRtol });
        return error.maskedFill(error.isnan(), Infinity).clampMin(0);
      };
      const body = (search: Search): Search => {
        const shrunk = search.learningRate.mul(decreaseFactor);
        const rate = search.count.gt(0).where(shrunk, search.learningRate);
        const count = search.count.add(1);
        if (!storeGrad) {
          const value = line.valueAt(rate);
          return { learningRate: rate, value, grads: [], decreaseError: missing(rate, value), count };
        }
        const { value, grads } = line.at(rate);
        const decreaseError = missing(rate, value);
        const isLast = decreaseError.le(atol).logicalOr(search.count.eq(maxBacktrackingSteps));
        const next = grads.map((grad, i) => isLast.where(grad, search.grads[i]!));
        return { learningRate: rate, value, grads: next, decreaseError, count };
      };
      const goesOn = ({ decreaseError, count }: Search): Tensor =>
        decreaseError.le(atol).logicalNot().logicalAnd(count.le(maxBacktrackingSteps));
      const rate = (lastRate as Tensor).mul(increaseFactor).clampMax(maxLearningRate);
      const found = whileLoop(goesOn, body, {
        learningRate: rate,
        value: line.value,
        grads: storeGrad ? line.grads.map((grad) => grad.zerosLike()) : [],
        decreaseError: full([], Infinity, { dtype: line.value.dtype, device: line.value.device }),
        count: countFor(params),
      });
      const learningRate = found.learningRate.maskedFill(found.decreaseError.isinf(), 0);
      return [
        line.scaled(learningRate) as typeof updates,
        {
          learningRate,
          value: found.value,
          grad: storeGrad ? line.treeOf(found.grads) : null,
          info: { numLinesearchSteps: found.count, decreaseError: found.decreaseError },
        },
      ];
    },
  };
}

function firstState(params: unknown, storeGrad: boolean): State {
  return {
    learningRate: numberFor(params, 1),
    value: numberFor(params, Infinity),
    grad: storeGrad ? zerosFor(params) : null,
    info: { numLinesearchSteps: countFor(params), decreaseError: numberFor(params, Infinity) },
  };
}
