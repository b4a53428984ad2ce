import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError, DtypeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { to, where } from '../ops';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
import { requireBroadcast, requireShape, shapeOf, type Bound } from './arguments';
import { drawBits } from './bits';
import { requireKey, splitPair, type Key } from './key';

/** A range of integers: where it begins and how many there are, as numbers or as int64 tensors. */
interface Range {
  readonly low: Bound;
  readonly span: Bound;
}

/**
 * Draws integers that are uniformly distributed over [minval, maxval), with a bias of the order of the range
 * divided by 2^64 (for int64: 2^128).
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @param minval  An integer, or a tensor of integers that broadcasts to the shape; cut off at what the dtype holds.
 * @param maxval  Likewise; where it is not greater than `minval`, the result is `minval`.
 * @param options  `dtype`: an integer dtype but uint64; int32 unless given. For int64 the range must be below 2^63.
 * @returns dtype[...shape].
 * @throws ERR_DTYPE for another dtype, or bounds that are no integers; ERR_ARGUMENT for numbers that are no integers;
 *   ERR_SHAPE if a bound does not broadcast; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @see jax.random.randint, with the same integers.
 */
export function randint(
  key: Key,
  shape: readonly number[],
  minval: Bound,
  maxval: Bound,
  options: { readonly dtype?: DType | undefined } = {},
): Tensor {
  const op = 'random.randint';
  requireOptions(options, ['dtype'], op);
  const { dtype = 'int32' } = options;
  const { kind, itemBytes } = dtypeInfo(dtype, op);
  if ((kind !== 'int' && kind !== 'uint') || dtype === 'uint64') {
    throw new DtypeError(`${op}: expected an integer dtype other than uint64, got ${dtype}.`, { op });
  }
  requireKey(key, op);
  requireShape(shape, op, key, 8);
  requireIntegers('minval', minval, op);
  requireIntegers('maxval', maxval, op);
  requireBroadcast('minval', shapeOf(minval), shape, op);
  requireBroadcast('maxval', shapeOf(maxval), shape, op);

  const range = dtype === 'int64' ? wideRange(minval, maxval) : rangeWithin(minval, maxval, kind, itemBytes);
  const [forHigh, forLow] = splitPair(key);
  const width = dtype === 'int64' ? 64 : 32;
  const high = to(drawBits(forHigh, shape, width), 'int64');
  const low = to(drawBits(forLow, shape, width), 'int64');
  const offset = dtype === 'int64' ? reduceWide(high, low, range.span) : reduce(high, low, range.span);
  return to(offset.add(range.low), dtype);
}

/** The range cut off at what integers of at most four bytes hold. */
function rangeWithin(minval: Bound, maxval: Bound, kind: string, itemBytes: number): Range {
  const least = kind === 'uint' ? 0 : -(2 ** (8 * itemBytes - 1));
  const end = least + 2 ** (8 * itemBytes);
  if (!(minval instanceof Tensor) && !(maxval instanceof Tensor)) {
    const low = Math.min(Math.max(minval, least), end - 1);
    return { low, span: Math.max(Math.min(maxval, end) - low, 1) };
  }
  const low = clampBound(minval, least, end - 1);
  const high = clampBound(maxval, least, end);
  const span = high instanceof Tensor ? high.sub(low) : (low as Tensor).rsub(high);
  return { low, span: span.clampMin(1) };
}

function clampBound(value: Bound, least: number, most: number): Bound {
  return value instanceof Tensor
    ? to(value, 'int64').clamp(least, most)
    : Math.min(Math.max(value, least), most);
}

function wideRange(minval: Bound, maxval: Bound): Range {
  if (!(minval instanceof Tensor) && !(maxval instanceof Tensor)) {
    return { low: minval, span: Math.max(maxval - minval, 1) };
  }
  const low = minval instanceof Tensor ? to(minval, 'int64') : minval;
  const high = maxval instanceof Tensor ? to(maxval, 'int64') : maxval;
  const span = high instanceof Tensor ? high.sub(low) : (low as Tensor).rsub(high);
  return { low, span: span.clampMin(1) };
}

const mask = 0xffffffff;

/**
 * (high · 2^32 + low) mod span in the arithmetic of 32 bits that JAX uses, which wraps around: int64 holds its words,
 * and the low 32 bits of its products are right also where they overflow.
 */
function reduce(high: Tensor, low: Tensor, span: Bound): Tensor {
  let multiplier: Bound;
  if (span instanceof Tensor) {
    const half = span
      .mul(0)
      .add(2 ** 16)
      .remainder(span);
    multiplier = half.mul(half).bitwiseAnd(mask).remainder(span);
  } else {
    const half = 2 ** 16 % span;
    multiplier = ((half * half) % 2 ** 32) % span;
  }
  return high.remainder(span).mul(multiplier).add(low.remainder(span)).bitwiseAnd(mask).remainder(span);
}

/** The same in 64 bits, where int64 stands for unsigned words. */
function reduceWide(high: Tensor, low: Tensor, span: Bound): Tensor {
  const divisor = span instanceof Tensor ? span : low.mul(0).add(span);
  const half = divisor
    .mul(0)
    .add(2 ** 32)
    .remainder(divisor);
  const multiplier = remainderUnsigned(half.mul(half), divisor);
  const sum = remainderUnsigned(high, divisor).mul(multiplier).add(remainderUnsigned(low, divisor));
  return remainderUnsigned(sum, divisor);
}

/** x mod divisor for an unsigned x and a positive divisor, after Hacker's Delight (Warren 2012), section 9-3. */
function remainderUnsigned(x: Tensor, divisor: Tensor): Tensor {
  const halved = x.bitwiseRightShift(1).bitwiseAnd(2n ** 63n - 1n);
  const quotient = halved.floorDivide(divisor).mul(2);
  const rest = x.sub(quotient.mul(divisor));
  return where(rest.lt(0).logicalOr(rest.ge(divisor)), rest.sub(divisor), rest);
}

function requireIntegers(name: string, value: Bound, op: string): void {
  if (!(value instanceof Tensor)) {
    if (Number.isSafeInteger(value)) return;
    throw new ArgumentError(`${op}: expected ${name} to be an integer, got ${value}.`, { op });
  }
  handleOf(value, op);
  const { kind } = dtypeInfo(value.dtype);
  if (kind === 'int' || kind === 'uint') return;
  throw new DtypeError(`${op}: expected ${name} to hold integers, got ${value.dtype}.`, { op });
}
