import { ArgumentError } from '../base/errors';
import { call, type Callable } from '../module';
import { add, arange, lt } from '../ops';
import { Tensor } from '../tensor/tensor';
import { tidy } from '../tensor/tidy';
import { describeValue } from '../transform/describe';
import { requireScalar } from './choose';
import { scanNamed } from './scan';
import { whileLoop } from './while-loop';

/**
 * Applies a function for each integer from `lower` up to `upper`, which is left out.
 *
 * With numbers as bounds it is a `scan`, and may be differentiated in any way. With a tensor among them it is a
 * `whileLoop` of kind 'lax'.
 *
 * @param body  takes the index (int64) and the carry; returns the next carry, of the same structure, shapes and dtypes.
 * @returns the last carry; `init` if there is no such integer.
 * @throws ERR_ARGUMENT if a bound is a number and no integer; else as `scan` and `whileLoop` do.
 * @example
 * foriLoop(0, 10, (i: Tensor, sum: Tensor) => sum.add(i), tensor(0, { dtype: 'int64' })); // 45
 * @see jax.lax.fori_loop.
 */
export function foriLoop<C>(
  lower: number | Tensor,
  upper: number | Tensor,
  body: Callable<[index: Tensor, carry: C], C>,
  init: C,
): C {
  for (const bound of [lower, upper]) {
    if (bound instanceof Tensor ? /^u?int/.test(bound.dtype) : Number.isSafeInteger(bound)) continue;
    throw new ArgumentError(`foriLoop: expected integers as bounds, got ${describeValue(bound)}.`, {
      op: 'foriLoop',
    });
  }
  return tidy(() => {
    if (typeof lower === 'number' && typeof upper === 'number') {
      const indices = arange(lower, Math.max(lower, upper), { dtype: 'int64' });
      const step = (carry: C, index: Tensor): [C, null] => [call(body, index, carry), null];
      return scanNamed('foriLoop', step, init, indices, {})[0];
    }
    const [first, end] = [lower, upper].map((bound) => {
      const value = bound instanceof Tensor ? bound : arange(bound, bound + 1, { dtype: 'int64' }).squeeze(0);
      requireScalar('foriLoop', 'a bound', value);
      return value.to('int64');
    }) as [Tensor, Tensor];
    return whileLoop<[Tensor, C]>(
      ([index]) => lt(index, end),
      ([index, carry]) => [add(index, 1), call(body, index, carry)],
      [first, init],
    )[1];
  }) as C;
}
