import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { ArgumentError, EquinodeRuntimeError, OperatorError, TransformError } from '../base/errors';
import { systemReason } from '../base/system-error';
import { call, type Callable } from '../module';
import { native, type Handle, type PackedHandles, type TraceKind } from '../native';
import { adopt, adoptGroups, closeScope, keepInScope, openScope } from '../tensor/lifetime';
import { handleOf, Tensor } from '../tensor/tensor';
import { refusePromise } from '../tensor/tidy';
import { flatten, leafParents, unflatten, type Structure } from '../tree';
import { collectHostFunctions } from './host';
import { nested } from './nesting';

/** The place of a tensor among a program's results. */
class Slot {
  readonly index: number;
  constructor(index: number) {
    this.index = index;
  }
}

/** A compiled function for one structure, one set of static leaves and one signature of its tensors. */
export interface Program {
  readonly native: object;
  /** What the function returned while it was traced, with `Slot`s where it had tensors. */
  readonly outLeaves: readonly unknown[];
  readonly outStructure: Structure;
  /** For each tensor among the results the node that it is a part of; negative for parts of the result itself. */
  readonly groups: readonly number[];
  /** What the tensors among the results look like, in the addon's writing. */
  readonly looks: readonly string[];
  /** Captured tensors that belong to transforms outside: further inputs, which change with every call. */
  readonly hidden: readonly Handle[];
  /** What lives as long as the program. */
  readonly kept: readonly object[];
  /** Whether it calls back into JavaScript. */
  readonly needsHost: boolean;
}

/** What the trace in progress keeps with its program. */
let keptNow: object[] | undefined;

/**
 * Keeps an object alive as long as the program whose trace is in progress; where none is, as for a body of control flow
 * that runs at once, until the outermost scope closes.
 */
export function keepWithProgram(object: object): void {
  if (keptNow === undefined) keepInScope(object);
  else keptNow.push(object);
}

/**
 * Runs `record` in a trace: with tensors that stand for `inputs`, whose operators are recorded. It ends the trace by
 * `native().endTrace`, and gives what is wanted of it; no tensor that was made in it has a value outside.
 *
 * @param kind  `body` of control flow, which knows the values of no tensor of the outside; `closed` if every captured
 *   tensor is to be an input.
 * @throws what `record` throws; the trace then leaves nothing behind.
 */
export function withTrace<T extends { readonly native: object }>(
  name: string,
  inputs: readonly Tensor[],
  kind: TraceKind,
  record: (stand: readonly Tensor[]) => T,
): T {
  const scope = openScope(
    `it was made inside \`${name}\` while it was traced, and has no value outside; return it from there`,
  );
  try {
    const stand = native().beginTrace(
      inputs.map((tensor) => handleOf(tensor, name)),
      kind,
    );
    try {
      return nested(name, 0, () => collectHostFunctions(() => record(stand.map(adopt))));
    } finally {
      native().leaveTrace();
    }
  } finally {
    closeScope(scope, new Set());
  }
}

/**
 * Traces a function into a program. The function runs once, with tensors that stand for its inputs; what it computes
 * is recorded below autograd, so that the program holds backward passes and batching rules too.
 *
 * @param leaves  the leaves of `[fn, args]`; its tensors become the program's inputs, in order.
 * @throws what the function throws; the trace then leaves nothing behind.
 */
export function trace(name: string, structure: Structure, leaves: readonly unknown[]): Program {
  const inputs = leaves.filter((leaf) => leaf instanceof Tensor);
  native().takeFailedCheck();
  try {
    return keepingApart(() =>
      withTrace(name, inputs, 'function', (stand) => record(name, structure, leaves, stand)),
    );
  } catch (error) {
    // Operators run on the values of this first call; what they refuse, a check before them may have foreseen.
    const failed = native().takeFailedCheck();
    if (failed === '' || !(error instanceof OperatorError)) throw error;
    throw new EquinodeRuntimeError(failed, { op: 'errorIf' });
  }
}

/** Traces a function for which every tensor that it captures is a further input, named by `hidden`. */
export function traceClosed(
  name: string,
  inputs: readonly Tensor[],
  body: (stand: readonly Tensor[]) => unknown,
): Program {
  return keepingApart(() => withTrace(name, inputs, 'closed', (stand) => end(name, body(stand))));
}

/** Runs a trace whose objects are kept with the program that comes of it. */
function keepingApart(body: () => Program): Program {
  const keptOutside = keptNow;
  keptNow = [];
  try {
    return body();
  } finally {
    keptNow = keptOutside;
  }
}

/** Runs the function in the trace that has begun, and ends the trace. */
function record(
  name: string,
  structure: Structure,
  leaves: readonly unknown[],
  stand: readonly Tensor[],
): Program {
  let next = 0;
  const inside = leaves.map((leaf) => (leaf instanceof Tensor ? stand[next++] : leaf));
  const [fn, args] = unflatten(structure, inside) as [Callable<unknown[]>, unknown[]];
  const result = call(fn, ...args);
  refusePromise(result, name);
  return end(name, result);
}

/** Ends the trace, with the tensors of a tree as the program's results. */
function end(name: string, result: unknown): Program {
  const [resultLeaves, outStructure] = flatten(result);
  const outputs: Handle[] = [];
  const outLeaves = resultLeaves.map((leaf) => {
    refusePromise(leaf, name);
    if (!(leaf instanceof Tensor)) return leaf;
    outputs.push(handleOf(leaf, name));
    return new Slot(outputs.length - 1);
  });
  const looks = outputs.map((output) => native().signature([output]));
  const { program, hidden, needsHost } = native().endTrace(outputs);
  const kept = keptNow ?? [];
  const groups = groupsOf(outStructure, outLeaves);
  return { native: program, outLeaves, outStructure, groups, looks, hidden, kept, needsHost };
}

/** What users take out of a result one by one, such as a loss, is in no group. */
function groupsOf(structure: Structure, leaves: readonly unknown[]): number[] {
  const root = 0;
  return leafParents(structure)
    .filter((_, i) => leaves[i] instanceof Slot)
    .map((parent) => (parent === root ? -1 : parent));
}

/** The function's result from the handles that its program returned. */
export function resultOf(program: Program, outputs: PackedHandles): unknown {
  const tensors = adoptGroups(outputs, program.groups);
  return unflatten(
    program.outStructure,
    program.outLeaves.map((leaf) => (leaf instanceof Slot ? tensors[leaf.index] : leaf)),
  );
}

/** Runs a program on this thread. */
export function run(program: Program, inputs: PackedHandles): unknown {
  return resultOf(program, native().runProgram(program.native, withHidden(program, inputs)));
}

/** The inputs of a run: those of the call, and those that the program captured. */
export function withHidden(program: Program, inputs: PackedHandles): PackedHandles {
  return program.hidden.length === 0 ? inputs : [...inputs, ...program.hidden];
}

/**
 * Runs a program on this thread with inputs that `hold` gave. Those that were released since are its own: it may write
 * results into their memory.
 */
export function runHeld(program: Program, held: object): unknown {
  return resultOf(program, native().runProgramHeld(program.native, held));
}

/** Tensors that become parameters and buffers of a saved module: the program's first inputs. */
export interface Attributes {
  /** Paths in the module: `layers.0.weight`. */
  readonly names: readonly string[];
  readonly handles: readonly Handle[];
}

/**
 * Writes a program as a TorchScript file: to a temporary file in the same folder, which is synced to the disk and then
 * takes the name.
 *
 * @throws ERR_ARGUMENT if it cannot be written; ERR_TRANSFORM if only this library could run it.
 */
export function saveProgram(
  op: string,
  program: object,
  path: string,
  attributes: Attributes = { names: [], handles: [] },
): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    // Node says why a file cannot be made; libtorch does not.
    closeSync(openSync(temporary, 'wx'));
    native().programSave(program, temporary, attributes.names, attributes.handles);
    const file = openSync(temporary, 'r');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (cause) {
    if (cause instanceof TransformError) throw new TransformError(`${op}: ${cause.message}`, { op });
    throw new ArgumentError(
      `${op}: expected a file that can be written, got ${path}: ${systemReason(cause).replace(/\.$/, '')}.`,
      { op, cause },
    );
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * Runs a program on a worker thread. Its inputs are those that `hold` gave.
 */
export async function runAsync(program: Program, held: object): Promise<unknown> {
  return resultOf(program, await native().runProgramAsync(program.native, held));
}
