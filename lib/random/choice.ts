import { ArgumentError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { searchsorted, to, topk, zeros } from '../ops';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
import { requireAxis, requireFloating, requireParameter, requireShape } from './arguments';
import { drawGumbel, type GumbelMode } from './gumbel';
import { requireKey, type Key } from './key';
import { permutation } from './permutation';
import { randint } from './randint';
import { drawUniform } from './uniform';

export interface ChoiceOptions {
  /** The shape of the draws, [] unless given. */
  readonly shape?: readonly number[] | undefined;
  /** Whether one element may come up again; true unless given. */
  readonly replace?: boolean | undefined;
  /** The probability of each element: float[n]. All are the same unless given. */
  readonly p?: Tensor | undefined;
  /** The axis of `a` along which to draw; 0 unless given. */
  readonly axis?: number | undefined;
  /** How finely rare elements are resolved with `p` and without replacement, as for `gumbel`; 'low' unless given. */
  readonly mode?: GumbelMode | undefined;
}

/**
 * Draws elements of a tensor, or integers from 0 to n - 1.
 *
 * @param key  uint32[2].
 * @param a  A tensor with at least one axis, or the number n.
 * @returns A tensor of the dtype of `a`, with the axis replaced by `shape`; int32[...shape] for a number.
 * @throws ERR_ARGUMENT if there is nothing to draw from, or too little without replacement; ERR_SHAPE, ERR_DTYPE if
 *   `p` does not fit; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @see jax.random.choice.
 */
export function choice(key: Key, a: number | Tensor, options: ChoiceOptions = {}): Tensor {
  const op = 'random.choice';
  requireOptions(options, ['shape', 'replace', 'p', 'axis', 'mode'], op);
  const { shape = [], replace = true, p } = options;
  requireKey(key, op);
  requireShape(shape, op, key, 8);
  if (a instanceof Tensor) handleOf(a, op);
  if (p !== undefined) requireParameter('p', p, op);
  if (a instanceof Tensor && a.ndim === 0) {
    throw new ShapeError(
      `${op}: expected a tensor with at least one axis, got a scalar. Pass a number for 0..n-1.`,
      {
        op,
      },
    );
  }
  const axis = requireAxis(options.axis ?? 0, a instanceof Tensor ? a.ndim : 1, op);
  const population = a instanceof Tensor ? (a.shape[axis] ?? 0) : a;
  const count = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(population) || population < 0 || (population === 0 && count > 0)) {
    throw new ArgumentError(`${op}: expected at least one element to draw from, got ${population}.`, { op });
  }
  if (!replace) requireShape([population], op, key, 8);
  if (!replace && count > population) {
    throw new ArgumentError(
      `${op}: expected at most ${population} draws, as many as there are, without replacement, got ${count}.`,
      { op },
    );
  }
  const positions =
    count === 0
      ? zeros([0], { dtype: 'int32', device: key.device })
      : draw(key, population, count, replace, shape, p, options.mode);
  if (!(a instanceof Tensor)) return positions.reshape(shape);
  const around = [a.shape.slice(0, axis), a.shape.slice(axis + 1)] as const;
  return a.indexSelect(axis, positions.reshape([count])).reshape([...around[0], ...shape, ...around[1]]);
}

/** Positions, int32. */
function draw(
  key: Key,
  population: number,
  count: number,
  replace: boolean,
  shape: readonly number[],
  p: Tensor | undefined,
  mode: GumbelMode | undefined,
): Tensor {
  const op = 'random.choice';
  if (p === undefined) {
    return replace ? randint(key, shape, 0, population) : permutation(key, population).narrow(0, 0, count);
  }
  requireFloating(p.dtype, op);
  if (p.ndim !== 1 || p.shape[0] !== population) {
    throw new ShapeError(`${op}: expected p to have the shape [${population}], got [${p.shape.join()}].`, {
      op,
    });
  }
  if (!replace) {
    const [, chosen] = topk(drawGumbel(key, [population], p.dtype, mode, op).add(p.log()), count);
    return to(chosen, 'int32');
  }
  const cumulative = p.cumsum(0);
  const reversed = drawUniform(key, shape, { dtype: p.dtype }, op).rsub(1);
  return to(searchsorted(cumulative, reversed.mul(cumulative.select(0, -1))), 'int32');
}
