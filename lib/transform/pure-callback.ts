import { ArgumentError, ShapeError, TreeError } from '../base/errors';
import { requireOptions } from '../base/options';
import * as ops from '../ops';
import { tensor } from '../tensor/create';
import { ShapeDtypeStruct } from '../tensor/shape-dtype-struct';
import { Tensor } from '../tensor/tensor';
import { refusePromise } from '../tensor/tidy';
import { flatten, flattenWithPath, keystr, sameStatic, unflatten, type Path, type Structure } from '../tree';
import { callPure } from './callback-operator';
import { describeValue } from './describe';
import type { HostFunction } from './host';

/** How a callback runs under `vmap`: once for each element, or once for all of them. */
export type VmapMethod = 'sequential' | 'expandDims' | 'broadcastAll';

export interface PureCallbackOptions<R = unknown> {
  /** The result's tree, with a `ShapeDtypeStruct` (or a tensor that looks like it) for each tensor. */
  readonly resultShapeDtypes: R;
  /**
   * Under `vmap`: `sequential` (the default) calls once for each element of the batch; the others call once, with the
   * batch as the first axis of the arguments and of the results. Arguments that the batch shares then have a first axis
   * of size 1 (`expandDims`) or are repeated (`broadcastAll`).
   */
  readonly vmapMethod?: VmapMethod | undefined;
}

const methods: readonly VmapMethod[] = ['sequential', 'expandDims', 'broadcastAll'];

/** The tree of results that a tree of `ShapeDtypeStruct`s stands for. */
export type ResultOf<S> = S extends ShapeDtypeStruct
  ? Tensor
  : S extends Tensor | ((...args: never[]) => unknown)
    ? S
    : S extends readonly unknown[] | Readonly<Record<string, unknown>>
      ? { readonly [K in keyof S]: ResultOf<S[K]> }
      : S;

/**
 * Calls a function of JavaScript from inside a compiled function, where it runs each time that its result is needed.
 *
 * The function should give the same for the same arguments: it may be called any number of times, or not at all where
 * nothing uses its result. It runs on JavaScript's thread, also in `jitted.async(...)`, gets tensors with values, and may
 * use any operator and transform. What it throws comes out of the compiled function as it is.
 *
 * @param callback  a function of tensors (trees of them) that returns what `resultShapeDtypes` says. A number may stand
 *   for a scalar.
 * @param args  its arguments, trees of tensors.
 * @param options  `resultShapeDtypes`, `vmapMethod`.
 * @returns the result, with tensors on the CPU.
 * @throws ERR_ARGUMENT for an argument or declared result that is no tensor, an unknown option; ERR_TREE, ERR_SHAPE if
 *   the result differs from what is declared; ERR_TRANSFORM where a derivative with respect to an argument is taken, or
 *   the function returns a Promise.
 * @example
 * const sorted = jit((x: Tensor) => pureCallback(sortOnHost, [x], { resultShapeDtypes: x }));
 * @see jax.pure_callback. Differences: the arguments are one list; `sequential` is the default under `vmap`.
 */
export function pureCallback<A extends readonly unknown[], S>(
  callback: (...args: A) => unknown,
  args: A,
  options: PureCallbackOptions<S>,
): ResultOf<S>;
export function pureCallback<A extends readonly unknown[], S>(
  callback: (...args: A) => unknown,
  args: readonly [...A, ...unknown[]],
  options: PureCallbackOptions<S>,
): ResultOf<S>;
export function pureCallback<A extends readonly unknown[], S>(
  callback: (...args: A) => unknown,
  args: A,
  options: PureCallbackOptions<S>,
): ResultOf<S> {
  for (const [trees, where] of [
    [args, 'args'],
    [options.resultShapeDtypes, 'resultShapeDtypes'],
  ] as const) {
    for (const [path, leaf] of flattenWithPath(trees)[0]) {
      if (leaf instanceof Tensor || (where === 'resultShapeDtypes' && leaf instanceof ShapeDtypeStruct))
        continue;
      throw new ArgumentError(
        `pureCallback: expected tensors in \`${where}\`, got ${describeValue(leaf)}${at(path)}. Use filterPureCallback for other values.`,
        { op: 'pureCallback' },
      );
    }
  }
  return callBack('pureCallback', callback, args, options);
}

/**
 * As `pureCallback`, for any trees: other values than tensors reach the function as they are, and those of its result
 * must equal what `resultShapeDtypes` holds in their place.
 *
 * @throws as `pureCallback` does; ERR_TREE also where a value of the result differs from the declared one.
 * @see equinox.filter_pure_callback.
 */
export function filterPureCallback<A extends readonly unknown[], S>(
  callback: (...args: A) => unknown,
  args: A,
  options: PureCallbackOptions<S>,
): ResultOf<S>;
export function filterPureCallback<A extends readonly unknown[], S>(
  callback: (...args: A) => unknown,
  args: readonly [...A, ...unknown[]],
  options: PureCallbackOptions<S>,
): ResultOf<S>;
export function filterPureCallback<A extends readonly unknown[], S>(
  callback: (...args: A) => unknown,
  args: A,
  options: PureCallbackOptions<S>,
): ResultOf<S> {
  return callBack('filterPureCallback', callback, args, options);
}

interface Declared {
  readonly structure: Structure;
  readonly leaves: readonly (readonly [Path, unknown])[];
  readonly looks: readonly (Tensor | ShapeDtypeStruct)[];
}

function callBack<A extends readonly unknown[], S>(
  op: string,
  callback: (...args: A) => unknown,
  args: A,
  options: PureCallbackOptions<S>,
): ResultOf<S> {
  if (typeof callback !== 'function') {
    throw new ArgumentError(`${op}: expected a function, got ${describeValue(callback)}.`, { op });
  }
  requireOptions(options, ['resultShapeDtypes', 'vmapMethod'], op);
  const { vmapMethod = 'sequential' } = options;
  if (!methods.includes(vmapMethod)) {
    throw new ArgumentError(
      `${op}: expected \`vmapMethod\` to be one of ${methods.join(', ')}, got ${describeValue(vmapMethod)}.`,
      { op },
    );
  }
  const [given, argStructure] = flatten(args);
  const [leaves, structure] = flattenWithPath(options.resultShapeDtypes);
  const looks = leaves.map(([, leaf]) => leaf).filter(isLook);
  const declared: Declared = { structure, leaves, looks };

  const once = (tensors: readonly Tensor[], batch: readonly number[]): readonly Tensor[] => {
    let next = 0;
    const values = given.map((leaf) => (leaf instanceof Tensor ? tensors[next++] : leaf));
    const result = callback(...(unflatten(argStructure, values) as A));
    refusePromise(result, op);
    return resultsOf(op, declared, result, batch);
  };
  const run: HostFunction =
    vmapMethod === 'sequential' ? (tensors, batch) => each(once, declared, tensors, batch) : once;
  const inputs = given.filter((leaf) => leaf instanceof Tensor);
  const results = callPure(run, inputs, looks, vmapMethod !== 'expandDims');
  let next = 0;
  return unflatten(
    structure,
    leaves.map(([, leaf]) => (isLook(leaf) ? results[next++] : leaf)),
  ) as ResultOf<S>;
}

function isLook(leaf: unknown): leaf is Tensor | ShapeDtypeStruct {
  return leaf instanceof Tensor || leaf instanceof ShapeDtypeStruct;
}

function at(path: Path): string {
  return path.length > 0 ? ` at ${keystr(path)}` : '';
}

/** The tensors of a callback's result, if it is what was declared. */
function resultsOf(
  op: string,
  declared: Declared,
  result: unknown,
  batch: readonly number[],
): readonly Tensor[] {
  const [values, structure] = flatten(result);
  if (!structure.equals(declared.structure)) {
    throw new TreeError(
      `${op}: expected a callback that returns a tree as declared, ${declared.structure.toString()}, got ${structure.toString()}.`,
      { op },
    );
  }
  const tensors: Tensor[] = [];
  declared.leaves.forEach(([path, leaf], i) => {
    const value = values[i];
    if (isLook(leaf)) {
      tensors.push(tensorResult(op, leaf, value, batch, path));
    } else if (!sameStatic(leaf, value)) {
      throw new TreeError(
        `${op}: expected a callback that returns ${describeValue(leaf)}${at(path)} as declared, got ${describeValue(value)}.`,
        { op },
      );
    }
  });
  return tensors;
}

function tensorResult(
  op: string,
  look: Tensor | ShapeDtypeStruct,
  value: unknown,
  batch: readonly number[],
  path: Path,
): Tensor {
  const shape = [...batch, ...look.shape];
  const isScalar = shape.length === 0 && (typeof value === 'number' || typeof value === 'boolean');
  const found = isScalar ? tensor(value, { dtype: look.dtype }) : value;
  const fits =
    found instanceof Tensor &&
    found.dtype === look.dtype &&
    found.ndim === shape.length &&
    found.shape.every((size, axis) => size === shape[axis]);
  if (fits) return found;
  throw new ShapeError(
    `${op}: expected a callback that returns ${look.dtype}[${shape.join()}]${at(path)} as declared, got ${describeValue(value)}.`,
    { op },
  );
}

/** Runs a callback on each element of a batch. */
function each(
  once: HostFunction,
  { looks }: Declared,
  tensors: readonly Tensor[],
  batch: readonly number[],
): readonly Tensor[] {
  if (batch.length === 0) return once(tensors, []);
  const count = batch.reduce((product, size) => product * size, 1);
  const rows = tensors.map((one) => one.reshape([count, ...one.shape.slice(batch.length)]));
  const results = Array.from({ length: count }, (_, i) =>
    once(
      rows.map((one) => one.select(0, i)),
      [],
    ),
  );
  return looks.map(({ shape, dtype }, k) =>
    count === 0
      ? ops.zeros([...batch, ...shape], { dtype })
      : ops.stack(results.map((row) => row[k]!)).reshape([...batch, ...shape]),
  );
}
