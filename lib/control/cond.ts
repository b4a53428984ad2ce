import { ArgumentError } from '../base/errors';
import type { Callable } from '../module';
import { ne } from '../ops';
import { tensor } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import { tidy } from '../tensor/tidy';
import { describeValue } from '../transform/describe';
import { choose, requireScalar } from './choose';

/** @throws ERR_ARGUMENT for what is neither true nor false nor a number. */
function truthOfNumber(pred: unknown): boolean {
  if (typeof pred === 'boolean') return pred;
  if (typeof pred === 'number') return pred !== 0;
  throw new ArgumentError(
    `cond: expected the predicate to be a tensor, a boolean or a number, got ${describeValue(pred)}.`,
    { op: 'cond' },
  );
}

/**
 * Applies one of two functions, chosen by a truth value that may be unknown until a compiled program runs.
 *
 * Both functions run as JavaScript once; what they do becomes two branches, of which one is computed. Under `vmap` with a
 * predicate for each element both are computed and elements chosen, and the gradient of an element sees only its own
 * branch.
 *
 * @param pred  a boolean or a scalar tensor; any number but 0 counts as true.
 * @param onTrue  takes the operands, any trees. A function or a module.
 * @param onFalse  takes the same and returns the same structure, shapes and dtypes.
 * @returns what the chosen function returns.
 * @throws ERR_TRANSFORM if the results of the two differ in structure, shape or dtype (naming the path); ERR_SHAPE if
 *   the predicate is no scalar; ERR_CONCRETISATION if a function reads the value of a tensor.
 * @example
 * cond(x.sum().gt(0), (x: Tensor) => x.sqrt(), (x: Tensor) => x.neg(), x);
 * @see jax.lax.cond.
 */
export function cond<A extends unknown[], R>(
  pred: Tensor | boolean | number,
  onTrue: Callable<A, R>,
  onFalse: Callable<A, R>,
  ...operands: A
): R {
  return tidy(() => {
    const given = pred instanceof Tensor ? pred : tensor(truthOfNumber(pred));
    requireScalar('cond', 'the predicate', given);
    const choice = given.dtype === 'bool' ? given : ne(given, 0);
    return choose('cond', choice, [onTrue, onFalse], operands);
  }) as R;
}
