import { call, isCallable, markRawTransform, type Callable } from '../module';
import { ArgumentError, TransformError } from '../base/errors';
import { closeScope, openScope } from '../tensor/lifetime';
import { refusePromise } from '../tensor/tidy';
import type { Tensor } from '../tensor/tensor';
import { flattenWithPath, keystr } from '../tree';
import { applyRule } from './custom-rule';
import { describeValue } from './describe';
import { takeApart, type Layout } from './layout';
import { wrapFunction } from './wrapped-function';

function checkpointed<A extends unknown[], R>(name: string, fn: Callable<A, R>, args: A): R {
  // The function may be a module: its parameters are inputs too.
  const [tensors, layout] = takeApart([fn, args]);
  let outLayout: Layout | undefined;
  const primal = (inputs: readonly Tensor[]): readonly Tensor[] => {
    const [f, inside] = layout.rebuild(inputs) as [Callable<unknown[]>, unknown[]];
    const scope = openScope(`it was made inside \`${name}\`, which has ended; return it from there`);
    let kept = new Set<Tensor>();
    try {
      const result = call(f, ...inside);
      refusePromise(result, name);
      const [outputs, shape] = takeApart(result);
      outLayout = shape;
      kept = new Set(outputs);
      return outputs;
    } finally {
      closeScope(scope, kept);
    }
  };
  const outputs = applyRule({ name, primal }, tensors);
  if (outLayout === undefined)
    throw new TransformError(`${name}: expected the function to run.`, { op: name });
  return outLayout.rebuild(outputs) as R;
}

function requireCallable(name: string, fn: unknown): void {
  if (isCallable(fn)) return;
  throw new ArgumentError(`${name}: expected a function or a module, got ${describeValue(fn)}.`, {
    op: name,
  });
}

/**
 * Gives the function that keeps none of its intermediate values for the backward pass, which computes them again from
 * the arguments: less memory for more time.
 *
 * @param fn  a function or module of tensors (trees of them). What it captures is differentiated as well.
 * @returns a function of the same arguments, with the same results and gradients.
 * @throws ERR_TRANSFORM if a leaf of an argument is no tensor.
 * @example
 * const loss = (w: Tensor, x: Tensor) => checkpoint(block)(w, checkpoint(block)(w, x)).sum();
 * @see jax.checkpoint. Difference: `policy` does not exist.
 */
export function checkpoint<A extends unknown[], R>(fn: Callable<A, R>): (...args: A) => R {
  requireCallable('checkpoint', fn);
  const checked = (...args: A): R => {
    for (const [path, leaf] of flattenWithPath(args)[0]) {
      if (takeApart(leaf)[0].length > 0) continue;
      throw new TransformError(
        `checkpoint: expected tensors, got ${describeValue(leaf)} at ${keystr(path)}. Use filterCheckpoint for other leaves.`,
        { op: 'checkpoint' },
      );
    }
    return checkpointed('checkpoint', fn, args);
  };
  return markRawTransform(checked, 'checkpoint', fn);
}

/**
 * As `checkpoint`, for any trees.
 *
 * @throws what the function throws; ERR_DISPOSED for a tensor that is gone.
 * @see equinox.filter_checkpoint. Difference: `policy` does not exist.
 */
export function filterCheckpoint<A extends unknown[], R>(fn: Callable<A, R>): (...args: A) => R {
  requireCallable('filterCheckpoint', fn);
  const again = (...args: A): R => checkpointed('filterCheckpoint', fn, args);
  return wrapFunction(again, fn as Callable, filterCheckpoint, {});
}
