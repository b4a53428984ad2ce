import { native, type Handle } from '../native';
import { adopt, closeScope, openScope } from '../tensor/lifetime';
import { handleOf, type Tensor } from '../tensor/tensor';

/**
 * A function that operators call: on tensors that stand for no transform, with the sizes of the batch axes that they
 * have in front.
 */
export type HostFunction = (inputs: readonly Tensor[], batch: readonly number[]) => readonly Tensor[];

/**
 * NOTE [functions of a program]: the operators that call JavaScript name their function by a number. A function that
 * was met in a trace lives as long as the program that came of it; any other one as long as the call that names it,
 * unless a backward pass needs it later.
 */
const functions = new Map<number, HostFunction>();
let count = 0;
let collecting: number[] | undefined;
let isReady = false;

const withoutProgram = new FinalizationRegistry<readonly number[]>(forget);

function forget(ids: readonly number[]): void {
  for (const id of ids) functions.delete(id);
}

/** Gives the addon the way to JavaScript. */
function prepare(): void {
  if (isReady) return;
  native().setCallbackRunner(runHostFunction);
  process.once('exit', () => {
    native().endCallbacks();
  });
  isReady = true;
}

/** Runs `use` with the number of a function, which then is part of the program that is being traced, if one is. */
export function withHostFunction<T>(fn: HostFunction, use: (id: number) => T): T {
  prepare();
  const id = ++count;
  functions.set(id, fn);
  if (collecting !== undefined) {
    collecting.push(id);
    return use(id);
  }
  try {
    return use(id);
  } finally {
    functions.delete(id);
  }
}

const kept = new Map<string, number>();

/**
 * The number of a function that lives as long as the process, for operators that run it after their call: in a backward
 * pass. `key` says everything that the function depends on; there must be few of them.
 */
export function keptHostFunction(key: string, make: () => HostFunction): number {
  let id = kept.get(key);
  if (id === undefined) {
    prepare();
    id = ++count;
    functions.set(id, make());
    kept.set(key, id);
  }
  return id;
}

/**
 * Runs a trace; the functions that it meets live as long as the program that `body` returns. Those of a trace inside
 * another are part of the outer one's program.
 */
export function collectHostFunctions<P extends { readonly native: object }>(body: () => P): P {
  if (collecting !== undefined) return body();
  const ids: number[] = [];
  collecting = ids;
  let isWhole = false;
  try {
    const program = body();
    if (ids.length > 0) withoutProgram.register(program.native, ids);
    isWhole = true;
    return program;
  } finally {
    collecting = undefined;
    if (!isWhole) forget(ids);
  }
}

/** What the addon calls; see `setCallbackRunner`. */
function runHostFunction(id: number, handles: readonly Handle[], batch: readonly number[]): Handle[] {
  const scope = openScope('it was given to a callback, which has ended; return it from there');
  const outer = collecting;
  collecting = undefined;
  let kept: ReadonlySet<Tensor> = new Set();
  try {
    const fn = functions.get(id);
    if (fn === undefined) throw new Error(`equinode: callback ${id} is gone`);
    const results = fn(handles.map(adopt), batch);
    kept = new Set(results);
    return results.map((tensor) => handleOf(tensor, 'pureCallback'));
  } finally {
    collecting = outer;
    closeScope(scope, kept);
  }
}
