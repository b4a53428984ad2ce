import { ArgumentError, TransformError } from '../base/errors';
import { call, isCallable, type Callable } from '../module';
import { native } from '../native';
import * as ops from '../ops';
import { ShapeDtypeStruct } from '../tensor/shape-dtype-struct';
import { Tensor } from '../tensor/tensor';
import { refusePromise, tidy } from '../tensor/tidy';
import { flatten, flattenWithPath, keystr, unflatten } from '../tree';
import { closedProgram } from './closed-trace';
import { describeValue } from './describe';
import { countOperators } from './jit';
import { takeApart } from './layout';
import { wrapFunction } from './wrapped-function';

/** What a function does, as a graph. */
export interface FunctionGraph {
  /** TorchScript's text of the graph, whose inputs are the tensors of the arguments, then `consts`. */
  readonly graph: string;
  /** How often each operator occurs. */
  readonly operators: Readonly<Record<string, number>>;
  /** The tensors that the function takes from outside: its own, if it is a module, and those of its closure. */
  readonly consts: readonly Tensor[];
  /** The tree of the result, with a `ShapeDtypeStruct` for each tensor and null for every other leaf. */
  readonly outStruct: unknown;
  /** The tree of the result, with null for each tensor. */
  readonly outStatic: unknown;
}

function graphOf(name: string, fn: Callable, args: readonly unknown[]): FunctionGraph {
  return tidy(() => {
    const [leaves, structure] = flatten(args);
    const [tensors, layout] = takeApart(
      unflatten(
        structure,
        leaves.map((leaf) =>
          leaf instanceof ShapeDtypeStruct ? ops.zeros(leaf.shape, { dtype: leaf.dtype }) : leaf,
        ),
      ),
    );
    let shapes: readonly (ShapeDtypeStruct | null)[] = [];
    const { program, captured } = closedProgram(name, tensors, (stand) => {
      const result = call(fn as Callable<unknown[]>, ...(layout.rebuild(stand) as unknown[]));
      refusePromise(result, name);
      shapes = flatten(result)[0].map((leaf) =>
        leaf instanceof Tensor ? new ShapeDtypeStruct(leaf.shape, leaf.dtype) : null,
      );
      return result;
    });
    const { outStructure, outLeaves } = program;
    return {
      graph: native().programGraph(program.native),
      operators: countOperators(program.native),
      consts: captured,
      outStruct: unflatten(outStructure, shapes),
      outStatic: unflatten(
        outStructure,
        outLeaves.map((leaf, i) => (shapes[i] === null ? leaf : null)),
      ),
    };
  });
}

function requireCallable(name: string, fn: unknown): void {
  if (isCallable(fn)) return;
  throw new ArgumentError(`${name}: expected a function or a module, got ${describeValue(fn)}.`, {
    op: name,
  });
}

/**
 * Gives the function that returns what a function of tensors does, as the graph that `jit` would compile.
 *
 * @param fn  a function or module of tensors (trees of them). It runs once, and must not read the values of tensors.
 * @returns a function of the same arguments, for any of which a `ShapeDtypeStruct` may stand.
 * @throws ERR_TRANSFORM if a leaf of an argument is neither, or the function returns a Promise; ERR_CONCRETISATION if it
 *   reads a value.
 * @example
 * makeGraph((x: Tensor) => x.sin().mul(2))(ones([3])).operators; // { 'aten::sin': 1, 'aten::mul': 1 }
 * @see jax.make_jaxpr.
 */
export function makeGraph<A extends unknown[]>(
  fn: Callable<A>,
): (...args: { readonly [K in keyof A]: unknown }) => FunctionGraph {
  const name = 'makeGraph';
  requireCallable(name, fn);
  return (...args) => {
    for (const [path, leaf] of flattenWithPath(args)[0]) {
      if (leaf instanceof Tensor || leaf instanceof ShapeDtypeStruct) continue;
      throw new TransformError(
        `${name}: expected tensors or ShapeDtypeStructs, got ${describeValue(leaf)} at ${keystr(path)}. ` +
          'Use filterMakeGraph for other leaves.',
        { op: name },
      );
    }
    return graphOf(name, fn, args);
  };
}

/**
 * As `makeGraph`, for any trees: other leaves of the arguments are part of the graph.
 *
 * @throws as `makeGraph` does, except for other leaves.
 * @see equinox.filter_make_jaxpr. Difference: the parts have names.
 */
export function filterMakeGraph<A extends unknown[]>(
  fn: Callable<A>,
): (...args: { readonly [K in keyof A]: unknown }) => FunctionGraph {
  const name = 'filterMakeGraph';
  requireCallable(name, fn);
  const make = (...args: unknown[]): FunctionGraph => graphOf(name, fn, args);
  return wrapFunction(make, fn as Callable, filterMakeGraph, {}) as never;
}
