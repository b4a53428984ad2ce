import { ArgumentError, TransformError } from '../base/errors';
import { call, isCallable, type Callable } from '../module';
import { native, type Handle } from '../native';
import { handleOf, Tensor } from '../tensor/tensor';
import { flatten, flattenWithPath, keystr, type Structure } from '../tree';
import { describeValue } from './describe';
import { run, runAsync, runHeld, saveProgram, trace, type Program } from './program';
import { ProgramCache } from './program-cache';

/** A compiled program, as `lower` gives it. */
export interface Lowered {
  /** The TorchScript graph as text: forward, backward and update, whatever the function does. */
  readonly graph: string;
  /**
   * Writes the program as a TorchScript file, which Python's `torch.jit.load` opens. There is never half a file.
   *
   * @throws ERR_ARGUMENT if the file cannot be written.
   */
  save(path: string): void;
}

/** A compiled function. */
export interface Jitted<A extends unknown[], R> {
  (...args: A): R;
  /** Runs on a worker thread, so that the event loop stays free; calls of one function keep their order. */
  async(...args: A): Promise<R>;
  /** Compiles for these arguments without running. */
  lower(...args: A): Lowered;
  /** Forgets all compiled programs. */
  clearCache(): void;
}

/** Which arguments are released after a call: for the old model and optimiser state of a training step. */
export type Donate = 'none' | 'all' | 'all-except-first';

export interface FilterJitOptions {
  readonly donate?: Donate | undefined;
}

const donations: readonly Donate[] = ['none', 'all', 'all-except-first'];

/** A call taken apart. */
interface Call {
  readonly structure: Structure;
  readonly leaves: readonly unknown[];
  readonly statics: readonly unknown[];
  readonly handles: readonly Handle[];
}

function takeApart(name: string, fn: Callable, args: readonly unknown[]): Call {
  const [leaves, structure] = flatten([fn, args]);
  const statics: unknown[] = [];
  const handles: Handle[] = [];
  for (const leaf of leaves) {
    if (leaf instanceof Tensor) handles.push(handleOf(leaf, name));
    else statics.push(leaf);
  }
  return { structure, leaves, statics, handles };
}

const caches = new Set<WeakRef<ProgramCache>>();

/** Forgets the compiled programs of every jitted function. */
export function clearCaches(): void {
  for (const reference of caches) {
    const cache = reference.deref();
    if (cache === undefined) caches.delete(reference);
    else cache.clear();
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
  const cache = new ProgramCache();
  caches.add(new WeakRef(cache));

  const programOf = (parts: Call): Program => {
    const key = {
      structure: parts.structure,
      statics: parts.statics,
      signature: native().signature(parts.handles),
    };
    const known = cache.find(key);
    if (known !== undefined) return known;
    const program = trace(name, parts.structure, parts.leaves);
    if (program.hidden.length === 0) cache.add(key, program);
    return program;
  };

  const jitted = (...args: A): R => {
    check(args);
    // Inside another trace the operators are recorded there: compiled functions inline.
    if (native().tracing()) return call(fn, ...args);
    const parts = takeApart(name, fn, args);
    const program = programOf(parts);
    if (donate === 'none') return run(program, parts.handles) as R;
    const held = native().hold([...parts.handles, ...program.hidden]);
    release(args, donate);
    return runHeld(program, held) as R;
  };

  let queue: Promise<unknown> = Promise.resolve();
  // Up to the first await an async function runs at once, so calls join the queue in their order.
  const runLater = async (...args: A): Promise<R> => {
    check(args);
    if (native().tracing() || native().depth() > 0) {
      throw new TransformError(
        `${name}.async: expected no transform around it, since it runs on another thread. Call it without async.`,
        { op: name },
      );
    }
    const parts = takeApart(name, fn, args);
    const program = programOf(parts);
    // The program's inputs are held from here on, so that the caller may dispose its tensors.
    const held = native().hold(parts.handles);
    release(args, donate);
    const result = queue.then(() => runAsync(program, held));
    queue = result.catch(() => undefined);
    return (await result) as R;
  };

  const lower = (...args: A): Lowered => {
    check(args);
    if (native().tracing()) {
      throw new TransformError(
        `${name}.lower: expected no compiled function around it, got a call while one is being traced. Call lower outside.`,
        { op: name },
      );
    }
    const program = programOf(takeApart(name, fn, args)).native;
    return {
      graph: native().programGraph(program),
      save(path) {
        saveProgram(`${name}.lower.save`, program, path);
      },
    };
  };

  return Object.assign(jitted, {
    async: runLater,
    lower,
    clearCache() {
      cache.clear();
    },
  });
}

function release(args: readonly unknown[], donate: Donate): void {
  if (donate === 'none') return;
  const [leaves] = flatten(donate === 'all' ? args : args.slice(1));
  for (const leaf of leaves) if (leaf instanceof Tensor) leaf.dispose();
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
 * @returns the compiled function, with `async`, `lower` and `clearCache`.
 * @throws ERR_TRANSFORM if a leaf of an argument is no tensor and the argument is not static, or the function
 *   returns a Promise; ERR_CONCRETISATION if it reads the value of a traced tensor.
 * @example
 * const step = jit((w: Tensor, x: Tensor) => w.sub(grad((w: Tensor) => w.dot(x).square())(w).mul(0.1)));
 * @see jax.jit.
 */
export function jit<A extends unknown[], R>(fn: Callable<A, R>, options: JitOptions = {}): Jitted<A, R> {
  const { staticArgnums = [] } = options;
  const positions = typeof staticArgnums === 'number' ? [staticArgnums] : staticArgnums;
  return compile('jit', fn, 'none', (args) => {
    const fixed = positions.map((given) => (given < 0 ? given + args.length : given));
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
}

/**
 * As `jit`, for any trees: tensors in the arguments and in the function itself (a module) are inputs of the program,
 * everything else is static: it is compiled anew when one of these changes, primitives compared by value, functions
 * and objects by identity.
 *
 * @param options  `donate`: which arguments' tensors the call uses up: they are released, also when it fails, and
 *   results may take their memory.
 * @throws as `jit` does, except for leaves that are no tensors.
 * @example
 * const step = filterJit((model: Net, x: Tensor, y: Tensor) => filterValueAndGrad(loss)(model, x, y));
 * @see equinox.filter_jit.
 */
export function filterJit<A extends unknown[], R>(
  fn: Callable<A, R>,
  options: FilterJitOptions = {},
): Jitted<A, R> {
  const { donate = 'none' } = options;
  if (!donations.includes(donate)) {
    throw new ArgumentError(
      `filterJit: expected \`donate\` to be one of ${donations.join(', ')}, got ${describeValue(donate)}.`,
      { op: 'filterJit' },
    );
  }
  return compile('filterJit', fn, donate, () => undefined);
}
