import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { where } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { whileLoop } from '../control';
import { requireNumber, requireState, type GradientTransformation } from './base';
import { Line } from './line-search';
import { countFor, flagFor, numberFor, zerosFor } from './updates';

export interface ZoomOptions {
  /** The longest step; no limit unless given. */
  readonly maxLearningRate?: number | undefined;
  /** How much the conditions may be missed by; 0 unless given. */
  readonly tol?: number | undefined;
  /** By what steps grow until there is an interval; 2 unless given. */
  readonly increaseFactor?: number | undefined;
  /** The part of the slope by which the value must fall; 1e-4 unless given. */
  readonly slopeRtol?: number | undefined;
  /** The part of the slope to which the slope must fall; 0.9 unless given. */
  readonly curvRtol?: number | undefined;
  /** How much, as a part of the value, it may rise where rounding hides a fall; 1e-6 unless given, null for not at all. */
  readonly approxDecRtol?: number | null | undefined;
  /** The shortest interval that is searched; 1e-5 unless given. */
  readonly stepsizePrecision?: number | undefined;
  /** The first step: 'keep' (the default) for the last one, 'one' for 1. */
  readonly initialGuessStrategy?: 'keep' | 'one' | undefined;
}

const names = [
  'maxLearningRate',
  'tol',
  'increaseFactor',
  'slopeRtol',
  'curvRtol',
  'approxDecRtol',
  'stepsizePrecision',
  'initialGuessStrategy',
];

/** One end of the interval. */
interface End {
  readonly step: Tensor;
  readonly value: Tensor;
  readonly slope: Tensor;
}

/** What a loop carries from try to try. */
interface Search {
  readonly count: Tensor;
  readonly last: End;
  readonly grads: readonly Tensor[];
  readonly decreaseError: Tensor;
  readonly curvatureError: Tensor;
  readonly isFound: Tensor;
  readonly isDone: Tensor;
  readonly hasFailed: Tensor;
  readonly low: End;
  readonly high: End;
  readonly reference: { readonly step: Tensor; readonly value: Tensor };
  readonly safe: { readonly step: Tensor; readonly value: Tensor; readonly grads: readonly Tensor[] };
}

/**
 * Scales updates so that the value falls by enough and the slope becomes flat enough: the strong conditions of Wolfe.
 *
 * `update` needs `{ value, grad, valueFn }` in its fourth argument. The state is
 * `{ learningRate, value, grad, info: { numLinesearchSteps, decreaseError, curvatureError } }`.
 *
 * @param maxLinesearchSteps  How many steps are tried.
 * @throws ERR_ARGUMENT unless that is an integer from 1 on, for another strategy, and, in `update`, if something is
 *   missing.
 * @see optax.scale_by_zoom_linesearch; Nocedal and Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6; Hager
 *   and Zhang 2006 for the approximate fall.
 */
export function scaleByZoomLinesearch(
  maxLinesearchSteps: number,
  options: ZoomOptions = {},
): GradientTransformation {
  const op = 'optim.scaleByZoomLinesearch';
  requireOptions(options, names, op);
  requireNumber('maxLinesearchSteps', maxLinesearchSteps, op, { atLeast: 1, isInteger: true });
  const { initialGuessStrategy = 'keep' } = options;
  if (!['keep', 'one'].includes(initialGuessStrategy)) {
    throw new ArgumentError(
      `${op}: expected the strategy 'keep' or 'one', got ${JSON.stringify(initialGuessStrategy)}.`,
      { op },
    );
  }
  return {
    init(params) {
      const infinite = (): Tensor => numberFor(params, Infinity);
      return {
        learningRate: numberFor(params, 1),
        value: infinite(),
        grad: zerosFor(params),
        info: { numLinesearchSteps: countFor(params), decreaseError: infinite(), curvatureError: infinite() },
      };
    },
    update(updates, state, params, extra) {
      const { learningRate } = requireState(state, ['learningRate', 'value', 'grad', 'info'], op);
      const line = new Line(updates, params, extra, op);
      const last = learningRate as Tensor;
      const guess = initialGuessStrategy === 'keep' ? last : last.mul(0).add(1);
      const found = whileLoop(
        ({ isDone, hasFailed }: Search) => isDone.logicalOr(hasFailed).logicalNot(),
        (search: Search) => triedAgain(search, line, guess, maxLinesearchSteps, options),
        firstSearch(line, params),
      );
      return [
        line.scaled(found.last.step) as typeof updates,
        {
          learningRate: found.last.step,
          value: found.last.value,
          grad: line.treeOf(found.grads),
          info: {
            numLinesearchSteps: found.count,
            decreaseError: found.decreaseError,
            curvatureError: found.curvatureError,
          },
        },
      ];
    },
  };
}

function firstSearch(line: Line, params: unknown): Search {
  const zero = line.value.mul(0).maskedFill(line.value.isnan(), 0);
  const infinite = zero.add(Infinity);
  const start = { step: zero, value: line.value, slope: line.slope };
  const no = flagFor(params, false);
  return {
    count: countFor(params),
    last: start,
    grads: line.grads,
    decreaseError: infinite,
    curvatureError: infinite,
    isFound: no,
    isDone: no,
    hasFailed: no,
    low: start,
    high: start,
    reference: { step: zero, value: line.value },
    safe: { step: zero, value: line.value, grads: line.grads },
  };
}

/** One try: a longer step as long as there is no interval, then one inside of it. Both use one evaluation. */
function triedAgain(
  search: Search,
  line: Line,
  guess: Tensor,
  maxSteps: number,
  options: ZoomOptions,
): Search {
  const { maxLearningRate, tol = 0, increaseFactor = 2, stepsizePrecision = 1e-5 } = options;
  const { count, last, isFound, low, high, safe } = search;
  const longer = count.eq(0).where(guess, last.step.mul(increaseFactor));
  const isLongest = maxLearningRate === undefined ? flagLike(isFound) : longer.ge(maxLearningRate);
  const outer = maxLearningRate === undefined ? longer : longer.clampMax(maxLearningRate);
  const step = isFound.where(between(search), outer);

  const { value, grads, slope } = line.at(step);
  const point: End = { step, value, slope };
  const decreaseError = decreaseErrorOf(point, line, options);
  const curvatureError = finite(
    slope
      .abs()
      .sub(line.slope.abs(), { alpha: options.curvRtol ?? 0.9 })
      .clampMin(0),
  );
  const isGood = decreaseError.maximum(curvatureError).le(tol);

  const isSafe = decreaseError.le(tol).logicalAnd(isFound.logicalNot().logicalOr(value.lt(safe.value)));
  const nextSafe = {
    step: isSafe.where(step, safe.step),
    value: isSafe.where(value, safe.value),
    grads: grads.map((grad, i) => isSafe.where(grad, safe.grads[i]!)),
  };

  // Without an interval: one lies between this step and the last as soon as the value rises or the slope does.
  const rises = decreaseError.gt(0).logicalOr(value.ge(last.value).logicalAnd(count.gt(0)));
  const turns = slope.ge(0).logicalAnd(rises.logicalNot());
  const firstLow = either(turns, point, last);
  const firstHigh = either(turns, last, point);
  const isNowFound = rises.logicalOr(turns).logicalOr(isGood);
  const isLost = isLongest.logicalAnd(isNowFound.logicalNot());

  // With one: the new step replaces one of its ends.
  const isHigh = decreaseError.gt(0).logicalOr(value.ge(low.value));
  const isBeyond = slope.mul(high.step.sub(low.step)).ge(0).logicalAnd(isHigh.logicalNot());
  const nextHigh = either(isBeyond, low, either(isHigh, point, high));
  const nextLow = either(isHigh, low, point);
  const replaced = either(isHigh.logicalOr(isBeyond), high, low);
  const isSmall = high.step.sub(low.step).abs().le(stepsizePrecision);

  const isDone = isGood.logicalOr(isLost.logicalAnd(isFound.logicalNot()));
  const isTooSmall = isFound.logicalAnd(isSmall).logicalAnd(nextSafe.step.gt(0));
  const hasFailed = count.add(1).ge(maxSteps).logicalOr(isTooSmall).logicalAnd(isDone.logicalNot());
  const takesSafe = hasFailed.logicalAnd(nextSafe.step.gt(0).logicalOr(decreaseError.isinf()));
  const newLow = either(isFound, nextLow, firstLow);
  const reference = either(isFound, replaced, firstLow);
  return {
    count: count.add(1),
    last: {
      step: takesSafe.where(nextSafe.step, step),
      value: takesSafe.where(nextSafe.value, value),
      slope,
    },
    grads: grads.map((grad, i) => takesSafe.where(nextSafe.grads[i]!, grad)),
    decreaseError,
    curvatureError,
    isFound: isFound.logicalOr(isNowFound),
    isDone,
    hasFailed,
    low: newLow,
    high: either(isFound, nextHigh, firstHigh),
    reference: { step: reference.step, value: reference.value },
    safe: nextSafe,
  };
}

function decreaseErrorOf({ step, value, slope }: End, line: Line, options: ZoomOptions): Tensor {
  const { slopeRtol = 1e-4, approxDecRtol = 1e-6 } = options;
  const rise = value.sub(line.value);
  const exact = rise.sub(step.mul(line.slope), { alpha: slopeRtol });
  if (approxDecRtol === null) return finite(exact.clampMin(0));
  const bySlope = slope.sub(line.slope, { alpha: 2 * slopeRtol - 1 });
  const approximate = bySlope.maximum(rise.sub(line.value.abs(), { alpha: approxDecRtol }));
  return finite(approximate.minimum(exact).clampMin(0));
}

/** A step inside of the interval: where a cubic, or a parabola, through what is known has its least value, or halfway. */
function between({ low, high, reference }: Search): Tensor {
  const width = high.step.sub(low.step);
  const left = low.step.minimum(high.step);
  const right = low.step.maximum(high.step);
  const isInside = (x: Tensor, margin: number): Tensor => {
    const rim = width.abs().mul(margin);
    return x.gt(left.add(rim)).logicalAnd(x.lt(right.sub(rim)));
  };
  const cubic = cubicMinimum(low, high, reference);
  const curve = high.value.sub(low.value).sub(low.slope.mul(width)).div(width.square());
  const parabola = low.step.sub(low.slope.div(curve.mul(2)));
  const half = low.step.add(high.step).div(2);
  return where(isInside(cubic, 0.2), cubic, where(isInside(parabola, 0.1), parabola, half));
}

function cubicMinimum(low: End, high: End, other: Search['reference']): Tensor {
  const b = high.step.sub(low.step);
  const c = other.step.sub(low.step);
  const atB = high.value.sub(low.value).sub(low.slope.mul(b));
  const atC = other.value.sub(low.value).sub(low.slope.mul(c));
  const denominator = b.mul(c).square().mul(b.sub(c));
  const third = c.square().mul(atB).sub(b.square().mul(atC)).div(denominator);
  const second = b.pow(3).mul(atC).sub(c.pow(3).mul(atB)).div(denominator);
  const radical = second.square().sub(third.mul(low.slope).mul(3));
  return low.step.add(radical.sqrt().sub(second).div(third.mul(3)));
}

function either(condition: Tensor, a: End, b: End): End {
  return {
    step: condition.where(a.step, b.step),
    value: condition.where(a.value, b.value),
    slope: condition.where(a.slope, b.slope),
  };
}

/** What is no number misses by infinitely much. */
function finite(error: Tensor): Tensor {
  return error.maskedFill(error.isnan(), Infinity);
}

function flagLike(flag: Tensor): Tensor {
  return flag.logicalAnd(0);
}
