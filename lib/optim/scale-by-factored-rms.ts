import { requireOptions } from '../base/options';
import { pow, to, zeros, zerosLike } from '../ops';
import type { Tensor } from '../tensor/tensor';
import {
  requireFlags,
  requireNumber,
  requireNumbers,
  requireParams,
  requireState,
  type GradientTransformation,
} from './base';
import { inDType, kept, plus, squareOf, times, type Scalar } from './scalar';
import { countFor, increment, madeFor, Updates } from './updates';

export interface FactoredRmsOptions {
  /** Whether to keep sums of rows and columns instead of all squares; true unless given. */
  readonly factored?: boolean | undefined;
  /** The exponent by which the decay grows with the steps; 0.8 unless given. */
  readonly decayRate?: number | undefined;
  /** The step at which the decay begins; 0 unless given. */
  readonly stepOffset?: number | undefined;
  /** From which size on of both largest axes a tensor is factored; 128 unless given. */
  readonly minDimSizeToFactor?: number | undefined;
  /** Added to the squares; 1e-30 unless given. */
  readonly epsilon?: Scalar | undefined;
  /** From the step, int32[], and the decay rate to the decay in that step. */
  readonly decayRateFn?: ((step: Tensor, decayRate: number) => Tensor) | undefined;
}

/**
 * Divides by the root of a decaying mean of squares that is kept in factors: by rows and columns.
 *
 * The state is `{ count, vRow, vCol, v }`; what a parameter does not need is [1] long.
 *
 * @throws ERR_ARGUMENT, in `update`, if it gets no parameters.
 * @see optax.scale_by_factored_rms; Shazeer and Stern 2018, arXiv:1804.04235.
 */
export function scaleByFactoredRms(options: FactoredRmsOptions = {}): GradientTransformation {
  const op = 'optim.scaleByFactoredRms';
  const names = ['factored', 'decayRate', 'stepOffset', 'minDimSizeToFactor', 'epsilon', 'decayRateFn'];
  requireOptions(options, names, op);
  const { factored = true, decayRate = 0.8, stepOffset = 0, minDimSizeToFactor = 128 } = options;
  const { epsilon = 1e-30, decayRateFn = decayOf } = options;
  requireNumbers({ decayRate, stepOffset, epsilon }, op);
  requireNumber('minDimSizeToFactor', minDimSizeToFactor, op, { atLeast: 0 });
  requireFlags({ factored }, op);
  const axesOf = (shape: readonly number[]): readonly [number, number] | undefined =>
    factored ? largestAxes(shape, minDimSizeToFactor) : undefined;
  const part = (params: unknown, make: (param: Tensor, axes: readonly [number, number]) => Tensor): unknown =>
    madeFor(params, (param) => {
      const axes = axesOf(param.shape);
      return axes === undefined ? nothing(param) : make(param, axes);
    });
  return {
    init: (params) => ({
      count: countFor(params),
      vRow: part(params, (param, [, first]) => without(param, first)),
      vCol: part(params, (param, [second]) => without(param, second)),
      v: madeFor(params, (param) => (axesOf(param.shape) === undefined ? zerosLike(param) : nothing(param))),
    }),
    update(updates, state, params) {
      requireParams(params, op);
      const { count, vRow, vCol, v } = requireState(state, ['count', 'vRow', 'vCol', 'v'], op);
      const decay = decayRateFn((count as Tensor).sub(stepOffset), decayRate);
      const step = (update: Tensor, ...parts: unknown[]): readonly Tensor[] => {
        const [row, col, all] = parts as Tensor[];
        const square = plus(squareOf(update), epsilon);
        const axes = axesOf(update.shape);
        if (axes === undefined) {
          const next = decayed(all!, square, decay);
          return [update.mul(next.rsqrt()), nothing(update), nothing(update), next];
        }
        const [second, first] = axes;
        const nextRow = decayed(row!, square.mean([first]), decay);
        const nextCol = decayed(col!, square.mean([second]), decay);
        const reduced = second > first ? second - 1 : second;
        const rowFactor = nextRow.div(nextRow.mean([reduced], true)).rsqrt();
        const changed = update.mul(rowFactor.unsqueeze(first)).mul(nextCol.rsqrt().unsqueeze(second));
        return [changed, nextRow, nextCol, nothing(update)];
      };
      const all = new Updates(updates, op);
      const shapeIn = (index: 0 | 1) => (update: Tensor) => {
        const axis = axesOf(update.shape)?.[index];
        return axis === undefined ? [1] : update.shape.filter((_size, i) => i !== axis);
      };
      all.requireParts('vRow', vRow, shapeIn(1));
      all.requireParts('vCol', vCol, shapeIn(0));
      all.requireParts('v', v, ({ shape }) => (axesOf(shape) === undefined ? shape : [1]));
      const results = all.mapParts(step, { vRow, vCol, v }, { params });
      const [changed, nextRow = vRow, nextCol = vCol, nextV = v] = results;
      const next = { count: increment(count as Tensor), vRow: nextRow, vCol: nextCol, v: nextV };
      return [changed as typeof updates, next];
    },
  };
}

/** 1 - (step + 1)^-rate. */
function decayOf(step: Tensor, rate: number): Tensor {
  return pow(to(step.add(1), 'float32'), -rate).rsub(1);
}

function decayed(mean: Tensor, value: Tensor, decay: Tensor): Tensor {
  const next = times(mean, decay).add(value.mul(inDType(decay.rsub(1), value)));
  return kept(next, mean.dtype);
}

/** The second largest axis and the largest, if both are large enough. */
function largestAxes(shape: readonly number[], least: number): readonly [number, number] | undefined {
  if (shape.length < 2) return undefined;
  const order = shape.map((_size, axis) => axis).sort((a, b) => shape[a]! - shape[b]! || a - b);
  const [second, first] = [order.at(-2)!, order.at(-1)!];
  return shape[second]! < least ? undefined : [second, first];
}

function without({ shape, dtype, device }: Tensor, axis: number): Tensor {
  return zeros(
    shape.filter((_size, i) => i !== axis),
    { dtype, device },
  );
}

/** What stands for a part that a parameter does not need. */
function nothing({ dtype, device }: Tensor): Tensor {
  return zeros([1], { dtype, device });
}
