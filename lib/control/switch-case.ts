import { ArgumentError, DtypeError } from '../base/errors';
import { call, type Callable } from '../module';
import { clamp, eq } from '../ops';
import { tensor } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import { tidy } from '../tensor/tidy';
import { describeValue } from '../transform/describe';
import { choose, requireScalar } from './choose';

/**
 * Applies one of several functions, chosen by a number that may be unknown until a compiled program runs.
 *
 * @param index  an integer or a scalar tensor of integers; what lies outside counts as the nearest function's number.
 * @param branches  functions or modules of the operands, which all return the same structure, shapes and dtypes.
 * @returns what the chosen function returns.
 * @throws ERR_ARGUMENT if there is no function, or the index is no integer; ERR_DTYPE if it is no tensor of integers;
 *   else as `cond` does.
 * @example
 * switchCase(index, [(x: Tensor) => x, (x: Tensor) => x.neg(), (x: Tensor) => x.abs()], x);
 * @see jax.lax.switch.
 */
export function switchCase<A extends unknown[], R>(
  index: Tensor | number,
  branches: readonly Callable<A, R>[],
  ...operands: A
): R {
  const [only] = branches;
  if (only === undefined) {
    throw new ArgumentError('switchCase: expected at least one function, got none.', { op: 'switchCase' });
  }
  if (typeof index === 'number' && !Number.isInteger(index)) {
    throw new ArgumentError(`switchCase: expected an integer as index, got ${describeValue(index)}.`, {
      op: 'switchCase',
    });
  }
  return tidy(() => {
    const given = index instanceof Tensor ? index : tensor(index, { dtype: 'int64' });
    requireScalar('switchCase', 'the index', given);
    if (!/^u?int/.test(given.dtype)) {
      throw new DtypeError(
        `switchCase: expected an index of integers, got ${describeValue(given)}. Use cond for a truth value.`,
        { op: 'switchCase' },
      );
    }
    if (branches.length === 1) return call(only, ...operands);
    const choice = clamp(given.to('int64'), 0, branches.length - 1);
    return choose('switchCase', branches.length === 2 ? eq(choice, 0) : choice, branches, operands);
  }) as R;
}
