import { dtypeInfo } from '../base/dtype';
import { DtypeError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { cumsum, flip, stack, to, where } from '../ops';
import { callNamed } from '../ops/call';
import { Tensor } from '../tensor/tensor';
import {
  inNameOf,
  asTensor,
  requireBound,
  requireBroadcast,
  requireFloating,
  requireParameter,
  requireParameters,
  requireShape,
  shapeOf,
  type Bound,
  type DTypeOption,
} from './arguments';
import { requireIntegerDtype } from './inverse';
import { requireKey, split, type Key } from './key';

/**
 * Draws numbers of events from the Poisson distribution.
 *
 * @param key  uint32[2].
 * @param lam  The rate, from 0 on; a tensor broadcasts to `shape`. It counts in float32.
 * @param shape  The shape of the result; that of `lam` unless given.
 * @param options  `dtype`: int32 unless given.
 * @returns dtype[...shape]; -1 where the rate is negative or NaN.
 * @throws ERR_DTYPE for a dtype that holds no numbers; ERR_SHAPE if `lam` does not broadcast; ERR_ARGUMENT, ERR_SHAPE,
 *   ERR_DTYPE if `key` is no single key.
 * @see jax.random.poisson, with the same numbers, but where rounding decides whether one is rejected.
 */
export function poisson(key: Key, lam: Bound, shape?: readonly number[], options: DTypeOption = {}): Tensor {
  const op = 'random.poisson';
  requireOptions(options, ['dtype'], op);
  const { dtype = 'int32' } = options;
  if (dtypeInfo(dtype, op).kind !== 'float') requireIntegerDtype(dtype, op);
  requireKey(key, op);
  const { shape: into, values } = requireParameters(key, { lam }, shape, 'float32', op);
  const rates = values.lam.expand(into);
  return to(
    inNameOf(op, () => callNamed('equinode::threefry_poisson', key, rates) as Tensor),
    dtype,
  );
}

/**
 * Draws numbers of successes from the binomial distribution.
 *
 * @param key  uint32[2].
 * @param n  The number of trials; a tensor broadcasts to `shape`.
 * @param p  The probability of success, likewise.
 * @param shape  The shape of the result; that to which the parameters broadcast unless given.
 * @param options  `dtype`: real floating point; float32 unless given.
 * @returns dtype[...shape]; NaN where a parameter is out of range.
 * @throws ERR_DTYPE for another dtype; ERR_SHAPE if a parameter does not broadcast; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE
 *   if `key` is no single key.
 * @see jax.random.binomial, with the same numbers, but where rounding decides whether one is rejected.
 */
export function binomial(
  key: Key,
  n: Bound,
  p: Bound,
  shape?: readonly number[],
  options: DTypeOption = {},
): Tensor {
  const op = 'random.binomial';
  requireOptions(options, ['dtype'], op);
  const { dtype = 'float32' } = options;
  requireFloating(dtype, op);
  return to(drawBinomial(key, n, p, shape, op), dtype);
}

function drawBinomial(
  key: Key,
  n: Bound,
  p: Bound,
  shape: readonly number[] | undefined,
  op: string,
): Tensor {
  requireKey(key, op);
  requireBound('p', p, op);
  const precision = p instanceof Tensor && p.dtype === 'float64' ? 'float64' : 'float32';
  const { shape: into, values } = requireParameters(key, { n, p }, shape, precision, op);
  return inNameOf(
    op,
    () =>
      callNamed('equinode::threefry_binomial', key, values.n.expand(into), values.p.expand(into)) as Tensor,
  );
}

export interface MultinomialOptions extends DTypeOption {
  /** The shape of the result, whose last axis is the categories; that of `p` unless given. */
  readonly shape?: readonly number[] | undefined;
}

/**
 * Draws how often each category comes up in n trials.
 *
 * @param key  uint32[2].
 * @param n  The number of trials: a number, or a tensor that broadcasts to the result without its last axis.
 * @param p  float[..., k]: the probabilities of the categories, in any unit.
 * @returns dtype[..., k]; the dtype is that of `p` unless given. Along the last axis the counts add up to n.
 * @throws ERR_DTYPE unless `p` is real floating point; ERR_SHAPE if the shapes do not fit; ERR_ARGUMENT, ERR_SHAPE,
 *   ERR_DTYPE if `key` is no single key.
 * @see jax.random.multinomial.
 */
export function multinomial(key: Key, n: Bound, p: Tensor, options: MultinomialOptions = {}): Tensor {
  const op = 'random.multinomial';
  requireOptions(options, ['shape', 'dtype'], op);
  requireKey(key, op);
  requireBound('n', n, op);
  requireParameter('p', p, op);
  const { shape = p.shape, dtype = p.dtype } = options;
  dtypeInfo(dtype, op);
  requireFloating(p.dtype, op);
  if (p.dtype !== 'float32' && p.dtype !== 'float64') {
    throw new DtypeError(`${op}: expected p in float32 or float64, got ${p.dtype}.`, { op });
  }
  requireShape(shape, op);
  if (shape.length === 0) {
    throw new ShapeError(`${op}: expected p with at least one axis, got a scalar.`, { op });
  }
  requireBroadcast('p', p.shape, shape, op);
  requireBroadcast('n', shapeOf(n), shape.slice(0, -1), op);
  const first = p.expand(shape).movedim(-1, 0);
  const remaining = flip(cumsum(flip(first, [0]), 0), [0]);
  // What is left of the probability when the categories before are done.
  const ratios = first.div(where(remaining.eq(0), 1, remaining)).clamp(0, 1);
  const keys = split(key, shape.at(-1));
  let left = asTensor(n, p.dtype, key.device).expand(shape.slice(0, -1));
  const counts = [...ratios].map((ratio, i) => {
    const count = drawBinomial(keys.select(0, i), left, ratio, undefined, op);
    left = left.sub(count);
    return count;
  });
  if (counts.length === 0) return to(p.expand(shape), dtype);
  return to(stack(counts, -1), dtype);
}
