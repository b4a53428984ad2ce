import { ArgumentError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { arange, sort, to } from '../ops';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
import { drawBits } from './bits';
import { requireAxis, requireShape } from './arguments';
import { requireKey, splitPair, type Key } from './key';

export interface PermutationOptions {
  /** The axis along which to shuffle; 0 unless given. */
  readonly axis?: number | undefined;
  /** Whether every vector along the axis is shuffled on its own, instead of all in the same order. */
  readonly independent?: boolean | undefined;
}

/**
 * Shuffles a tensor along an axis, or the integers from 0 to n - 1.
 *
 * @param key  uint32[2].
 * @param x  A tensor of any dtype with at least one axis, or the number n.
 * @returns A tensor of the shape and dtype of `x`; int32[n] for a number.
 * @throws ERR_ARGUMENT for a number that is no integer from 0 on, or an axis that is not there; ERR_SHAPE for a
 *   tensor without axes; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @example
 * const order = random.permutation(key, 60_000);
 * @see jax.random.permutation, with the same order of elements.
 */
export function permutation(key: Key, x: number | Tensor, options: PermutationOptions = {}): Tensor {
  const op = 'random.permutation';
  requireOptions(options, ['axis', 'independent'], op);
  const { axis = 0, independent = false } = options;
  requireKey(key, op);
  if (!(x instanceof Tensor)) {
    if (!Number.isSafeInteger(x) || x < 0) {
      throw new ArgumentError(`${op}: expected a tensor or an integer from 0 on, got ${x}.`, { op });
    }
    requireAxis(axis, 1, op);
    requireShape([x], op, key, 8);
    return to(order(key, x), 'int32');
  }
  handleOf(x, op);
  const { ndim } = x;
  if (ndim === 0) {
    throw new ShapeError(
      `${op}: expected a tensor with at least one axis, got a scalar. Pass a number for 0..n-1.`,
      {
        op,
      },
    );
  }
  const along = requireAxis(axis, ndim, op);
  if (!independent) return x.indexSelect(along, order(key, x.shape[along] ?? 0));
  return shuffle(key, x, along);
}

/** A random order of n things, int64[n]. */
function order(key: Key, n: number): Tensor {
  return shuffle(key, arange(n, { dtype: 'int64', device: key.device }), 0);
}

/**
 * Sorts by random keys of 32 bits, which may collide; as many rounds make all orders equally likely in practice.
 * See `_shuffle` in jax/_src/random/core.py, v0.10.2.
 */
function shuffle(key: Key, x: Tensor, axis: number): Tensor {
  const rounds = Math.ceil((3 * Math.log(Math.max(1, x.size))) / Math.log(2 ** 32 - 1));
  let shuffled = x;
  let next = key;
  for (let round = 0; round < rounds; round++) {
    const [rest, forSort] = splitPair(next);
    next = rest;
    // libtorch does not sort uint32.
    const keys = to(drawBits(forSort, x.shape, 32), 'int64');
    const [, positions] = sort(keys, { stable: true, dim: axis });
    shuffled = shuffled.gather(axis, positions);
  }
  return shuffled;
}
