import { ArgumentError, TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, treePformat, type Callable } from '../module';
import { describeValue } from '../transform/describe';
import { wrapFunction, wrappedBy } from '../transform/wrapped-function';

/** What the clones of a wrapper share. */
interface Count {
  traces: number;
  /** What each argument looked like in each call so far. */
  readonly seen: Set<string>[];
}

export interface MaxTracesOptions {
  /** How often the function may be called; null counts only. */
  readonly maxTraces: number | null;
}

interface Options extends MaxTracesOptions {
  readonly tag?: object | undefined;
}

const counts = new WeakMap<object, Count>();
const tags = new WeakMap<object, object>();

/**
 * Wraps a function that may be called only so often: inside `jit`, where each call of the function is a trace, it
 * guards against compiling again and again.
 *
 * @param fn  a function or module.
 * @returns a function of the same arguments, a node as those of filtered transforms are; copies of it share the count.
 * @throws ERR_ARGUMENT for another limit than null or an integer of at least 0. The returned function throws
 *   ERR_TRANSFORM once it is called more often, naming the argument that is new.
 * @example
 * const step = filterJit(debug.assertMaxTraces(update, { maxTraces: 1 }));
 * @see equinox.debug.assert_max_traces.
 */
export function assertMaxTraces<A extends unknown[], R>(
  fn: Callable<A, R>,
  options: MaxTracesOptions,
): (...args: A) => R {
  requireOptions(options, ['maxTraces', 'tag'], 'assertMaxTraces');
  const { maxTraces, tag = Object.freeze(new Tag()) } = options as Options;
  if (maxTraces !== null && !(Number.isInteger(maxTraces) && maxTraces >= 0)) {
    throw new ArgumentError(
      `assertMaxTraces: expected \`maxTraces\` to be null or an integer of at least 0, got ${describeValue(maxTraces)}.`,
      { op: 'assertMaxTraces' },
    );
  }
  let count = counts.get(tag);
  if (count === undefined) {
    count = { traces: 0, seen: [] };
    counts.set(tag, count);
  }
  const counter = count;
  const counting = (...args: A): R => {
    counter.traces++;
    const looks = args.map((arg) => treePformat(arg));
    if (maxTraces !== null && counter.traces > maxTraces) throw tooMany(fn, maxTraces, counter, looks);
    looks.forEach((look, i) => (counter.seen[i] ??= new Set()).add(look));
    return call(fn, ...args);
  };
  const wrapped = wrapFunction(counting, fn as Callable, assertMaxTraces, { maxTraces, tag });
  tags.set(wrapped, tag);
  return wrapped;
}

/** Compared by identity: not a plain object. */
class Tag {
  readonly kind = 'assertMaxTraces';
}

function tooMany(
  fn: unknown,
  limit: number,
  { traces, seen }: Count,
  looks: readonly string[],
): TransformError {
  const fresh = looks.findIndex((look, i) => seen[i]?.has(look) !== true);
  const reason =
    fresh < 0
      ? 'No argument looks new: static values or the function itself must differ.'
      : `Argument ${fresh} is new: ${looks[fresh] ?? ''}. Before it was ${[...(seen[fresh] ?? ['absent'])].join(', or ')}.`;
  return new TransformError(
    `assertMaxTraces: expected ${describeValue(fn)}, which can only be traced ${limit} times, to be compiled already, got trace number ${traces}. ${reason}`,
    { op: 'assertMaxTraces' },
  );
}

/**
 * How often a function that `assertMaxTraces` wrapped was called so far, through whatever transforms wrap it.
 *
 * @throws ERR_ARGUMENT if it did not.
 * @see equinox.debug.get_num_traces.
 */
export function getNumTraces(fn: unknown): number {
  for (let at = fn; at !== undefined && at !== null; at = innerOf(at)) {
    const tag = typeof at === 'function' ? tags.get(at) : undefined;
    if (tag !== undefined) return counts.get(tag)!.traces;
  }
  throw new ArgumentError(
    `getNumTraces: expected a function that assertMaxTraces wrapped, got ${describeValue(fn)}.`,
    { op: 'getNumTraces' },
  );
}

function innerOf(fn: unknown): unknown {
  const { wrapped, func } = fn as { readonly wrapped?: unknown; readonly func?: unknown };
  return wrappedBy(fn) ?? wrapped ?? func;
}
