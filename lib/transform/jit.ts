import { ArgumentError, TransformError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, isCallable, markRawTransform, type Callable } from '../module';
import { native, type Handle, type PackedHandles } from '../native';
import { adopt } from '../tensor/lifetime';
import { handleOf, Tensor } from '../tensor/tensor';
import { flatten, flattenWithPath, keystr } from '../tree';
import { describeValue } from './describe';
import { donations, releaseDonated, warnUnusable, type Donate } from './donate';
import { explain } from './explain';
import { InTurn } from './in-turn';
import { positionsOf } from './positions';
import { run, runAsync, runHeld, saveProgram, trace, withHidden, type Program } from './program';
import { cacheOf, tensorMark, type CallKey, type ProgramCache } from './program-cache';
import { wrapFunction } from './wrapped-function';

/** A compiled program, as `lower` gives it. */
export interface Lowered {
  /** The TorchScript graph as text: forward, backward and update, whatever the function does. */
  readonly graph: string;
  /** How often each operator stands in the graph: `{ 'aten::mul': 2 }`. */
  readonly operators: Readonly<Record<string, number>>;
  /** The tensors that the graph holds: those that the function took from outside, and some numbers. */
  readonly constants: readonly Tensor[];
  /**
   * Writes the program as a TorchScript file, which Python's `torch.jit.load` opens. There is never half a file.
   *
   * Checks of `errorIf` become exceptions of TorchScript.
   *
   * @throws ERR_ARGUMENT if the file cannot be written; ERR_TRANSFORM if the program has an operator that only Equinode
   *   knows: a callback, or random numbers, which are better passed in.
   */
  save(path: string): void;
}

/** A compiled function. */
export interface Jitted<A extends unknown[], R> {
  (...args: A): R;
  /**
   * Runs on a worker thread, so that the event loop stays free. Calls of one function begin in their order and their
   * promises settle in it; a few run at once where there are cores for them (as many as the cores divided by the threads
   * of each, `EQUINODE_NUM_THREADS`), unless they call back into JavaScript.
   *
   * @param args  the arguments, and after them an AbortSignal where the call should be given up once that is aborted:
   *   as long as it has not begun, it rejects with the signal's reason and never runs.
   */
  async(...args: A | [...A, AbortSignal]): Promise<R>;
  /** Compiles for these arguments without running. */
  lower(...args: A): Lowered;
  /**
   * Says in words whether a call with these arguments is compiled already, and which arguments tell it from the
   * programs that are: why it was traced, or would be traced, again. Traces and runs nothing.
   */
  explain(...args: A): string;
  /** Forgets all compiled programs of the function. */
  clearCache(): void;
}

export interface FilterJitOptions {
  readonly donate?: Donate | undefined;
}

/** A call taken apart. */
interface Call extends CallKey {
  /** The leaves as they are. */
  readonly values: readonly unknown[];
  readonly handles: PackedHandles;
}

/** So many handles are passed faster in one block. */
const worthPacking = 16;

function takeApart(name: string, fn: Callable, args: readonly unknown[]): Call {
  const [values, structure] = flatten([fn, args]);
  const handles: Handle[] = [];
  const leaves = values.map((leaf) => {
    if (!(leaf instanceof Tensor)) return leaf;
    handles.push(handleOf(leaf, name));
    return tensorMark;
  });
  const packed = handles.length < worthPacking ? handles : new Float64Array(handles);
  return { structure, leaves, values, handles: packed, signature: native().signature(packed) };
}

/** Calls of compiled functions that are being traced, from the outside in. */
const tracing: { readonly cache: ProgramCache; readonly key: CallKey }[] = [];

/**
 * Traces a function, or calls it inside another trace.
 *
 * @throws ERR_TRANSFORM if it calls itself with arguments that look the same: unlike in JavaScript, where values may end
 *   the recursion, that has no end.
 */
function traceOnce<T>(name: string, cache: ProgramCache, key: CallKey, body: () => T): T {
  const isRepeated = tracing.some(
    (outer) =>
      outer.cache === cache &&
      outer.key.signature === key.signature &&
      outer.key.structure.equals(key.structure) &&
      outer.key.leaves.every((leaf, i) => Object.is(leaf, key.leaves[i])),
  );
  if (isRepeated) {
    throw new TransformError(
      `${name}: expected a function that ends, got one that calls itself with arguments of the same shapes while it is traced, ` +
        'where no value can end that. Use scan, foriLoop or whileLoop.',
      { op: name },
    );
  }
  tracing.push({ cache, key });
  try {
    return body();
  } finally {
    tracing.pop();
  }
}

function compile<A extends unknown[], R>(
  name: string,
  fn: Callable<A, R>,
  donate: Donate,
  check: (args: readonly unknown[]) => void,
): Jitted<A, R> {
  if (!isCallable(fn)) {
    throw new ArgumentError(`${name}: expected a function or a module, got ${describeValue(fn)}.`, {
      op: name,
    });
  }
  const cache = cacheOf(fn);

  const programOf = (parts: Call, args: readonly unknown[]): Program => {
    const known = cache.find(parts);
    if (known !== undefined) return known.program;
    const program = traceOnce(name, cache, parts, () => trace(name, parts.structure, parts.values));
    const { structure, leaves, signature } = parts;
    if (program.hidden.length === 0) cache.add({ structure, leaves, signature }, program);
    warnUnusable(name, donate, args, program);
    return program;
  };

  const jitted = (...args: A): R => {
    check(args);
    const parts = takeApart(name, fn, args);
    // Inside another trace the operators are recorded there, and without values nothing runs: compiled functions inline.
    if (native().tracing() || native().inShapes())
      return traceOnce(name, cache, parts, () => call(fn, ...args));
    const program = programOf(parts, args);
    if (donate === 'none') return run(program, parts.handles) as R;
    const held = native().hold(withHidden(program, parts.handles));
    releaseDonated(args, donate);
    return runHeld(program, held) as R;
  };

  const inTurn = new InTurn();
  // Up to the first await an async function runs at once, so calls join the queue in their order.
  const runLater = async (...given: A | [...A, AbortSignal]): Promise<R> => {
    const [args, signal] = splitSignal<A>(given);
    check(args);
    if (native().tracing() || native().depth() > 0) {
      throw new TransformError(
        `${name}.async: expected no transform around it, since it runs on another thread. Call it without async.`,
        { op: name },
      );
    }
    signal?.throwIfAborted();
    const parts = takeApart(name, fn, args);
    const program = programOf(parts, args);
    // The program's inputs are held from here on, so that the caller may dispose its tensors.
    const held = native().hold(parts.handles);
    releaseDonated(args, donate);
    return (await inTurn.run(program.needsHost, async () => {
      signal?.throwIfAborted();
      return runAsync(program, held);
    })) as R;
  };

  const lower = (...args: A): Lowered => {
    check(args);
    if (native().tracing()) {
      throw new TransformError(
        `${name}.lower: expected no compiled function around it, got a call while one is being traced. Call lower outside.`,
        { op: name },
      );
    }
    return lowered(name, programOf(takeApart(name, fn, args), args).native);
  };

  return Object.assign(jitted, {
    async: runLater,
    lower,
    explain(...args: A): string {
      check(args);
      const parts = takeApart(name, fn, args);
      const label = (fn as { readonly name?: unknown }).name;
      const shown = `${name}(${typeof label === 'string' && label !== '' ? label : describeValue(fn)})`;
      return explain(shown, cache.entries(), parts, cache.find(parts));
    },
    clearCache() {
      cache.clear();
    },
  });
}

function splitSignal<A extends unknown[]>(
  given: A | [...A, AbortSignal],
): [args: A, signal: AbortSignal | undefined] {
  const last: unknown = given.at(-1);
  if (!(last instanceof AbortSignal)) return [given as A, undefined];
  return [given.slice(0, -1) as A, last];
}

/** How often each operator occurs in a program. */
export function countOperators(program: object): Readonly<Record<string, number>> {
  const operators: Record<string, number> = {};
  for (const operator of native().programOperators(program)) {
    operators[operator] = (operators[operator] ?? 0) + 1;
  }
  return operators;
}

function lowered(name: string, program: object): Lowered {
  return {
    graph: native().programGraph(program),
    operators: countOperators(program),
    constants: native().programConstants(program).map(adopt),
    save(path) {
      saveProgram(`${name}.lower.save`, program, path);
    },
  };
}

export interface JitOptions {
  /** Positions of arguments that are part of the program: it is compiled anew for every value. */
  readonly staticArgnums?: number | readonly number[] | undefined;
}

/**
 * Compiles a function of tensors into one TorchScript graph.
 *
 * The function runs once for each set of shapes, dtypes, devices, structures and static arguments; later calls run
 * the graph and no JavaScript. Tensors that it captures become constants.
 *
 * @param fn  a function or module that takes and returns tensors (trees of them).
 * @returns the compiled function, with `async`, `lower`, `explain` and `clearCache`. Functions that are compiled twice
 *   share their programs.
 * @throws ERR_TRANSFORM if a leaf of an argument is no tensor and the argument is not static, or the function
 *   returns a Promise; ERR_CONCRETISATION if it reads the value of a traced tensor.
 * @example
 * const step = jit((w: Tensor, x: Tensor) => w.sub(grad((w: Tensor) => w.dot(x).square())(w).mul(0.1)));
 * @see jax.jit.
 */
export function jit<A extends unknown[], R>(fn: Callable<A, R>, options: JitOptions = {}): Jitted<A, R> {
  requireOptions(options, ['staticArgnums'], 'jit');
  const { staticArgnums = [] } = options;
  const jitted = compile('jit', fn, 'none', (args) => {
    const fixed = positionsOf('jit', 'staticArgnums', staticArgnums, args.length);
    args.forEach((arg, position) => {
      if (fixed.includes(position)) return;
      for (const [path, leaf] of flattenWithPath(arg)[0]) {
        if (leaf instanceof Tensor) continue;
        throw new TransformError(
          `jit: expected tensors in argument ${position}, got ${describeValue(leaf)}` +
            `${path.length > 0 ? ` at ${keystr(path)}` : ''}. Name it in \`staticArgnums\`, or use filterJit.`,
          { op: 'jit' },
        );
      }
    });
  });
  return markRawTransform(jitted, 'jit', fn);
}

/**
 * As `jit`, for any trees: tensors in the arguments and in the function itself (a module) are inputs of the program,
 * everything else is static: it is compiled anew when one of these changes, primitives compared by value, functions
 * and objects by identity.
 *
 * @param options  `donate`: which arguments' tensors the call uses up: they are released before the program runs, so
 *   also when it fails, and results may take their memory. `none` (the default), `all`, `all-except-first`; `warn` and
 *   `warn-except-first` do as these, and warn once for donated tensors whose shape and dtype no result of a program has.
 * @throws as `jit` does, except for leaves that are no tensors.
 * @example
 * const step = filterJit((model: Net, x: Tensor, y: Tensor) => filterValueAndGrad(loss)(model, x, y));
 * @see equinox.filter_jit.
 */
export function filterJit<A extends unknown[], R>(
  fn: Callable<A, R>,
  options: FilterJitOptions = {},
): Jitted<A, R> {
  requireOptions(options, ['donate'], 'filterJit');
  const { donate = 'none' } = options;
  if (!donations.includes(donate)) {
    throw new ArgumentError(
      `filterJit: expected \`donate\` to be one of ${donations.join(', ')}, got ${describeValue(donate)}.`,
      { op: 'filterJit' },
    );
  }
  const jitted = compile('filterJit', fn, donate, () => undefined);
  return wrapFunction(jitted, fn as Callable, filterJit, options);
}
