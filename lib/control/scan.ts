import { ArgumentError, ShapeError, TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, type Callable } from '../module';
import { native } from '../native';
import { select, zeros } from '../ops';
import { adopt } from '../tensor/lifetime';
import { handleOf, Tensor } from '../tensor/tensor';
import { refusePromise, tidy } from '../tensor/tidy';
import { describeValue } from '../transform/describe';
import { requireCallable, traceBody } from './body';
import { putTogether, takeApart, tensorsLike, type Parts } from './parts';

export interface ScanOptions {
  /** The number of steps; needed where `xs` has no tensor. */
  readonly length?: number | undefined;
  /** Whether to go from the last step to the first; stacked results stand where their inputs stand. Default false. */
  readonly reverse?: boolean | undefined;
}

/**
 * Applies a function along the first axis of tensors, handing a carry from step to step.
 *
 * The function runs as JavaScript once, with tensors that stand for any step's; what it does becomes one loop, in
 * compiled code and outside. So it must not read the values of tensors. It may be differentiated, backward (keeping
 * what the backward pass needs of every step) and forward, and mapped.
 *
 * @param f  takes the carry and a slice of `xs`; returns `[carry, y]`. The carry keeps its structure, shapes and
 *   dtypes. A function or a module.
 * @param init  the first carry, any tree. Numbers become tensors; leaves that are no tensors stay as they are.
 * @param xs  a tree of tensors `[length, ...]`, or null. Leaves that are no tensors go to every step as they are.
 * @returns `[carry, ys]`: the last carry, and the `y` of all steps stacked along a new first axis.
 * @throws ERR_TRANSFORM if the carry changes its structure, shape or dtype (naming the path), or the result is no pair;
 *   ERR_SHAPE if lengths differ; ERR_ARGUMENT if the length is not known; ERR_CONCRETISATION if a value is read.
 * @example
 * const [total, sums] = scan((sum: Tensor, x: Tensor) => [sum.add(x), sum.add(x)], tensor(0), tensor([1, 2, 3]));
 * // total: 6, sums: [1, 3, 6]
 * @see jax.lax.scan. Differences: `unroll` does not exist; trees may have leaves that are no tensors.
 */
export function scan<C, X, Y>(
  f: Callable<[carry: C, x: X], readonly [carry: C, y: Y]>,
  init: C,
  xs: X,
  options: ScanOptions = {},
): [carry: C, ys: Y] {
  return scanNamed('scan', f, init, xs, options) as [C, Y];
}

/** @internal `scan` under the name of the function that the user called. */
export function scanNamed(
  name: string,
  f: Callable,
  init: unknown,
  xs: unknown,
  options: ScanOptions,
): [carry: unknown, ys: unknown] {
  requireOptions(options, ['length', 'reverse'], name);
  requireCallable(name, 'the body', f);
  return tidy(() => {
    const carry = takeApart(init);
    const stacked = takeApart(xs);
    const length = lengthOf(name, stacked, options.length);
    const carries = carry.tensors.length;
    const examples = [...carry.tensors, ...stacked.tensors.map((x) => sliceOf(x, length))];
    const {
      native: program,
      hidden,
      info,
    } = traceBody(name, examples, (stand) => {
      const result: unknown = call(
        f as Callable<unknown[]>,
        putTogether(carry, stand.slice(0, carries)),
        putTogether(stacked, stand.slice(carries)),
      );
      refusePromise(result, name);
      const [next, y] = pairOf(name, result);
      const parts = takeApart(y);
      return [
        [...tensorsLike(name, 'the carry', 'at the start', carry, next), ...parts.tensors],
        withoutTensors(parts),
      ];
    });
    const inputs = [...carry.tensors, ...stacked.tensors].map((tensor) => handleOf(tensor, name));
    const reverse = options.reverse ?? false;
    const results = native()
      .scan(program, carries, stacked.tensors.length, length, reverse, [...inputs, ...hidden])
      .map(adopt);
    return [putTogether(carry, results.slice(0, carries)), info(results.slice(carries))];
  });
}

/** How to build a tree again, without holding on to tensors that are gone when the trace has ended. */
function withoutTensors(parts: Parts): (tensors: readonly Tensor[]) => unknown {
  return (tensors) => putTogether(parts, tensors);
}

function sliceOf(stacked: Tensor, length: number): Tensor {
  return length > 0 ? select(stacked, 0, 0) : zeros(stacked.shape.slice(1), { dtype: stacked.dtype });
}

function pairOf(name: string, result: unknown): readonly [unknown, unknown] {
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw new TransformError(
    `${name}: expected a function that returns [carry, y], got ${describeValue(result)}. Return null for y if there is none.`,
    { op: name },
  );
}

/** The number of steps, which all tensors of `xs` must share. */
function lengthOf(name: string, xs: Parts, given: number | undefined): number {
  if (given !== undefined && (!Number.isInteger(given) || given < 0)) {
    throw new ArgumentError(
      `${name}: expected \`length\` to be an integer of at least 0, got ${describeValue(given)}.`,
      {
        op: name,
      },
    );
  }
  let length = given;
  let from = '`length`';
  xs.leaves.forEach((leaf, i) => {
    if (!(leaf instanceof Tensor)) return;
    const path = `xs${xs.paths[i] ?? ''}`;
    const [size] = leaf.shape;
    if (size === undefined) {
      throw new ShapeError(
        `${name}: expected tensors with a first axis to go along, got ${describeValue(leaf)} at ${path}.`,
        { op: name },
      );
    }
    if (length === undefined) {
      length = size;
      from = path;
    } else if (length !== size) {
      throw new ShapeError(
        `${name}: expected one length, got ${length} from ${from} and ${size} from ${path} (${describeValue(leaf)}).`,
        { op: name },
      );
    }
  });
  if (length !== undefined) return length;
  throw new ArgumentError(
    `${name}: expected a tensor in \`xs\` or the number of steps as \`length\`, got neither.`,
    { op: name },
  );
}
