import { ShapeError } from '../base/errors';
import { call, type Callable } from '../module';
import { native, type Handle } from '../native';
import { adopt } from '../tensor/lifetime';
import { handleOf, type Tensor } from '../tensor/tensor';
import { refusePromise } from '../tensor/tidy';
import { describeValue } from '../transform/describe';
import { requireCallable, traceBody, type Body } from './body';
import { putTogether, takeApart, tensorsLike, type Parts } from './parts';

/** @throws ERR_SHAPE if a tensor has axes. */
export function requireScalar(name: string, what: string, value: Tensor): void {
  if (value.ndim === 0) return;
  throw new ShapeError(
    `${name}: expected ${what} to be a scalar, got ${describeValue(value)}. Use all() or any(), or vmap over it.`,
    { op: name },
  );
}

/**
 * Applies one of several functions to the operands.
 *
 * @param choice  the number of the function (int64), or for two functions whether it is the first (bool).
 */
export function choose(
  name: string,
  choice: Tensor,
  branches: readonly Callable[],
  operands: readonly unknown[],
): unknown {
  branches.forEach((branch, i) => {
    requireCallable(name, `branch ${i}`, branch);
  });
  const parts = takeApart(operands);
  let first: Parts | undefined;
  const bodies = branches.map((branch, i) =>
    traceBody(name, parts.tensors, (stand) => {
      const result: unknown = call(
        branch as Callable<unknown[]>,
        ...(putTogether(parts, stand) as readonly unknown[]),
      );
      refusePromise(result, name);
      if (first !== undefined) {
        return [
          tensorsLike(name, `the result of branch ${i}`, 'in the first branch', first, result),
          undefined,
        ];
      }
      first = takeApart(result);
      // Read here, since shapes and dtypes are asked for when the tensors are gone.
      first.tensors.forEach(readType);
      return [first.tensors, undefined];
    }),
  );
  const hidden = [...new Set(bodies.flatMap((body) => body.hidden))];
  const programs = bodies.map((body) => withInputs(body, parts.tensors.length, hidden));
  const inputs = [choice, ...parts.tensors].map((tensor) => handleOf(tensor, name));
  const results = native()
    .branch(programs, [...inputs, ...hidden])
    .map(adopt);
  return putTogether(first!, results);
}

/** The program of a body with the hidden inputs of all bodies. */
function withInputs(body: Body<unknown>, operands: number, hidden: readonly Handle[]): object {
  const own = Array.from({ length: operands }, (_, i) => i);
  const captured = body.hidden.map((handle) => operands + hidden.indexOf(handle));
  return native().takeInputs(body.native, operands + hidden.length, [...own, ...captured]);
}

/** Makes a tensor remember its shape and dtype, by looking at them. */
function readType({ shape, dtype }: Tensor): readonly unknown[] {
  return [shape, dtype];
}
