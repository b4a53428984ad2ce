import { ArgumentError, TransformError } from '../base/errors';
import { call, isCallable, Module, type Callable } from '../module';
import { native } from '../native';
import * as ops from '../ops';
import { closeScope, openScope } from '../tensor/lifetime';
import { ShapeDtypeStruct } from '../tensor/shape-dtype-struct';
import { Tensor } from '../tensor/tensor';
import { refusePromise } from '../tensor/tidy';
import { flatten, flattenWithPath, keystr, unflatten } from '../tree';
import { describeValue } from './describe';
import { requireLive } from './live';

/** A tree with a `ShapeDtypeStruct` in the place of every tensor. */
export type Shapes<T> = T extends Tensor
  ? ShapeDtypeStruct
  : T extends Module | ((...args: never[]) => unknown) | string | number | bigint | boolean | null | undefined
    ? T
    : T extends readonly unknown[] | Readonly<Record<string, unknown>>
      ? { readonly [K in keyof T]: Shapes<T[K]> }
      : T;

function isLook(leaf: unknown): leaf is Tensor | ShapeDtypeStruct {
  return leaf instanceof Tensor || leaf instanceof ShapeDtypeStruct;
}

/** A function, or the class of a module, which is then constructed. */
type Evaluated<A extends readonly unknown[], R> = Callable<A, R> | (new (...args: A) => R);

function isModuleClass(fn: unknown): fn is new (...args: unknown[]) => unknown {
  return typeof fn === 'function' && fn.prototype instanceof Module;
}

/** What a tree looks like, without values. */
function shapesIn(tree: unknown): unknown {
  const [leaves, structure] = flatten(tree);
  return unflatten(
    structure,
    leaves.map((leaf) => (leaf instanceof Tensor ? new ShapeDtypeStruct(leaf.shape, leaf.dtype) : leaf)),
  );
}

/** See NOTE [shapes without values] in native/trace/shapes.h. */
function evaluate(name: string, fn: unknown, args: readonly unknown[]): unknown {
  if (!isCallable(fn)) {
    throw new ArgumentError(`${name}: expected a function or a module, got ${describeValue(fn)}.`, {
      op: name,
    });
  }
  const [leaves, structure] = flatten([fn, args]);
  requireLive(name, leaves);
  const scope = openScope(`it was made inside \`${name}\`, which computes no values`);
  native().beginShapes();
  try {
    const inside = leaves.map((leaf) => (isLook(leaf) ? ops.empty(leaf.shape, { dtype: leaf.dtype }) : leaf));
    const [f, given] = unflatten(structure, inside) as [Callable<unknown[]>, unknown[]];
    const result = isModuleClass(f) ? new f(...given) : call(f, ...given);
    refusePromise(result, name);
    return shapesIn(result);
  } finally {
    native().endShapes();
    closeScope(scope, new Set());
  }
}

/**
 * What a function's result looks like, without computing it: operators only work out shapes and dtypes.
 *
 * @param fn  a function or module of tensors (trees of them). It must not read the values of tensors.
 * @param args  its arguments; a `ShapeDtypeStruct` may stand for any tensor, also a module's.
 * @returns the tree of the result, with a `ShapeDtypeStruct` for each tensor.
 * @throws ERR_TRANSFORM if a leaf of an argument or of the result is neither; ERR_CONCRETISATION if a value is read; and
 *   whatever the function throws, as for shapes that do not fit.
 * @example
 * evalShape((a: Tensor, b: Tensor) => a.matmul(b), new ShapeDtypeStruct([2, 3], 'float32'), ones([3, 4])); // float32[2,4]
 * @see jax.eval_shape.
 */
export function evalShape<A extends unknown[], R>(
  fn: Callable<A, R>,
  ...args: { readonly [K in keyof A]: unknown }
): Shapes<R> {
  const name = 'evalShape';
  requireLooks(name, 'arguments', args);
  const result = evaluate(name, fn, args);
  requireLooks(name, 'a result of tensors', result);
  return result as Shapes<R>;
}

function requireLooks(name: string, what: string, tree: unknown): void {
  for (const [path, leaf] of flattenWithPath(tree)[0]) {
    if (isLook(leaf)) continue;
    const given = what === 'arguments' ? 'tensors or ShapeDtypeStructs as arguments' : what;
    throw new TransformError(
      `${name}: expected ${given}, got ${describeValue(leaf)}${path.length > 0 ? ` at ${keystr(path)}` : ''}. ` +
        'Use filterEvalShape for other leaves.',
      { op: name },
    );
  }
}

/**
 * As `evalShape`, for any trees: other leaves go into the function, and come out of it, as they are.
 *
 * @param fn  a function or a module, or the class of a module, which is constructed: its result can stand as the model
 *   that a file is read into.
 * @throws as `evalShape` does, except for other leaves.
 * @example
 * const like = filterEvalShape(nn.Linear, 2, 3, { key: new ShapeDtypeStruct([2], 'uint32') });
 * @see equinox.filter_eval_shape.
 */
export function filterEvalShape<A extends unknown[], R>(
  fn: Evaluated<A, R>,
  ...args: { readonly [K in keyof A]: unknown }
): Shapes<R> {
  return evaluate('filterEvalShape', fn, args) as Shapes<R>;
}
