import bindings from 'bindings';
import { errorOf, SetupError } from './base/errors';

/**
 * A tensor as the addon knows it: a slot number and the slot's generation, packed into one number.
 * 0 stands for none. See NOTE [slot lifetime] in native/core/slot_table.h.
 */
export type Handle = number;

/** Many handles in one block of memory, which the addon reads faster than the elements of an array. */
export type PackedHandles = readonly Handle[] | Float64Array;

/** A handle as the addon returns it: negative when the tensor needs a guard of its own. See NOTE [shared guards] in
 * native/napi/env.cpp. */
export type NewHandle = number;

/** What crosses the boundary as an operator's argument; see `encode` in lib/ops/call.ts. */
export type NativeArgument = unknown;

/** What an operator returns: a handle, a number, a list of these, by its schema. */
export type NativeResult = unknown;

/** A layer of a transform on libtorch's stack of them. */
export interface Layer {
  readonly kind: 'vmap' | 'grad' | 'jvp';
  readonly level: number;
  /** Of the batch, for vmap. */
  readonly size: number;
  /** Of the batch, for vmap; empty if it has none. */
  readonly axisName: string;
}

/**
 * The addon's exports. Every function throws an `EquinodeError` of the class that fits.
 *
 * Arguments of `call`, by the kind that the operator's schema gives:
 * Tensor: a handle, or `[value]` for a number that stands for a tensor; Tensor[] and Tensor?[]: an array of
 * handles and nulls; Scalar: number, bigint, boolean or `{re, im}`; int: number or bigint; int[]: an array, or
 * one number where the schema gives a size; ScalarType, Layout, MemoryFormat: libtorch's code; Device: its name;
 * `null`: None; `undefined` or absent: the schema's default.
 */
/** What is traced: a function to compile, the body of control flow, or a function that is to capture nothing. */
export type TraceKind = 'function' | 'body' | 'closed';

export interface Native {
  /** The version of the libtorch that is loaded, such as "2.13.0". */
  readonly libtorchVersion: string;
  setErrorFactory(
    factory: (code: string, op: string, message: string, cause: string) => Error,
    failed: Int32Array,
  ): void;

  // Operators.
  schemas(namespace: string): string[];
  resolve(name: string, publicName: string): number;
  call(op: number, ...args: NativeArgument[]): NativeResult;
  rejectedKinds(): Record<string, string>;

  // Tensors.
  release(handle: Handle): void;
  releaseMany(handles: readonly Handle[]): void;
  guard(...handles: Handle[]): object;
  shape(handle: Handle): number[];
  dtype(handle: Handle): number;
  device(handle: Handle): string;
  fromBytes(
    bytes: ArrayBufferView,
    shape: readonly number[],
    stored: number,
    dtype: number,
    device: string,
  ): NewHandle;
  fromMemory(buffer: ArrayBufferView, shape: readonly number[], dtype: number): NewHandle;
  readInto(handle: Handle, bytes: ArrayBufferView, dtype: number, op: string): void;
  readIntoAsync(handle: Handle, bytes: ArrayBufferView, dtype: number, op: string): Promise<void>;
  item(handle: Handle, op: string): number | bigint | boolean | { re: number; im: number };
  layers(handle: Handle): string;
  signature(handles: PackedHandles): string;
  memory(): { tensors: number; bytes: number; allocated: number; peak: number };
  trimMemory(): void;
  setNumThreads(count: number): void;
  numThreads(): number;
  cudaDeviceCount(): number;
  cpuCapability(): string;

  /** The message of a check that failed on the example's values in the last trace; empty for none. */
  takeFailedCheck(): string;
  /** Lets no thread wait for JavaScript any longer: the process exits. */
  endCallbacks(): void;
  /** What operators call that run a function of JavaScript; see lib/transform/host.ts. */
  setCallbackRunner(
    run: (id: number, inputs: readonly NewHandle[], batch: readonly number[]) => Handle[],
  ): void;

  // libtorch's own autograd.
  requiresGrad(handle: Handle): boolean;
  setRequiresGrad(handle: Handle, value: boolean): void;
  gradOf(handle: Handle): NewHandle;
  setGrad(handle: Handle, grad: Handle): void;
  autogradGrad(
    outputs: readonly Handle[],
    inputs: readonly Handle[],
    gradOutputs: readonly Handle[],
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): NewHandle[];
  autogradBackward(
    outputs: readonly Handle[],
    gradOutputs: readonly Handle[],
    retainGraph: boolean,
    createGraph: boolean,
  ): void;
  setGradMode(enabled: boolean): boolean;

  // Layers of transforms. See NOTE [level order and unwinding] in native/transform/level.h.
  pushVmap(size: number, axisName?: string): number;
  pushGrad(): number;
  pushJvp(): number;
  namedAxes(): { name: string; size: number }[];
  depth(): number;
  unwind(depth: number): void;
  batch(handle: Handle, axis: number, level: number): NewHandle;
  unbatch(handle: Handle, level: number, axis: number, size: number): NewHandle;
  isBatched(handle: Handle, level: number): boolean;
  wrapGrad(handle: Handle, level: number): NewHandle;
  unwrapGrad(handle: Handle, level: number): NewHandle;
  gradients(output: Handle, inputs: readonly Handle[], level: number): NewHandle[];

  // Functions with derivatives of their own. See NOTE [custom rules] in native/transform/rule_node.h. 0 stands for an
  // undefined tensor.
  topLayer(): Layer | null;
  lower(): number;
  raise(mark: number): void;
  beginCapture(
    mode: 'below' | 'in place' | 'replace' | 'collect',
    level: number,
    refusal: string,
    handles: readonly Handle[],
    standIns: readonly Handle[],
  ): number;
  endCapture(mark: number): { handles: Handle[]; tensors: NewHandle[]; foundTraced: boolean };
  isWatched(handle: Handle, level: number): boolean;
  attachRule(
    outputs: readonly Handle[],
    inputs: readonly Handle[],
    residuals: readonly Handle[],
    level: number,
    refusal: string | null,
    backward: (cotangents: NewHandle[], residuals: NewHandle[], hasEnded: boolean) => void,
  ): NewHandle[];
  pullBack(
    outputs: readonly Handle[],
    cotangents: readonly Handle[],
    inputs: readonly Handle[],
    level: number,
    hasEnded: boolean,
  ): NewHandle[];
  makeDual(primal: Handle, tangent: Handle, level: number): NewHandle;
  unpackDual(handle: Handle, level: number): [primal: NewHandle, tangent: NewHandle];
  give(results: readonly Handle[]): void;
  /** Whether operators are being recorded, also in a trace of control flow's own. */
  recording(): boolean;
  recordCall(inputs: readonly Handle[], outputs: readonly Handle[], id: number): NewHandle[];
  setCustomCalls(run: (id: number, inputs: NewHandle[]) => void): void;

  // Traces and programs. See NOTE [tensor identity in a trace] in native/trace/value_map.h.
  beginTrace(inputs: readonly Handle[], kind: TraceKind): NewHandle[];
  endTrace(outputs: readonly Handle[]): { program: object; hidden: Handle[]; needsHost: boolean };
  leaveTrace(): void;
  tracing(): boolean;
  runProgram(program: object, inputs: PackedHandles): PackedHandles;
  hold(handles: PackedHandles): object;
  runProgramHeld(program: object, held: object): PackedHandles;
  runProgramAsync(program: object, held: object): Promise<PackedHandles>;
  programOperators(program: object): string[];
  programConstants(program: object): NewHandle[];
  beginShapes(): void;
  endShapes(): void;
  inShapes(): boolean;
  programGraph(program: object): string;
  programSave(program: object, path: string, attributes: readonly string[], values: readonly Handle[]): void;

  // TorchScript files. See NOTE [scripts are data] in native/trace/script.h.
  loadScript(path: string): NativeScript;
  runScript(
    script: object,
    tensors: readonly Handle[],
    args: readonly NativeArgument[],
    op: string,
  ): NativeScriptValue;
  scriptGraph(script: object): string;

  // Control flow. See NOTE [control flow] in native/trace/form.h.
  takeInputs(program: object, inputs: number, takes: readonly number[]): object;
  branch(programs: readonly object[], inputs: readonly Handle[]): NewHandle[];
  scan(
    body: object,
    carries: number,
    sliced: number,
    length: number,
    reverse: boolean,
    inputs: readonly Handle[],
  ): NewHandle[];
  whileLoop(
    cond: object,
    body: object,
    carries: number,
    condConsts: number,
    maxSteps: number,
    checkpoints: number,
    inputs: readonly Handle[],
  ): NewHandle[];
  recomputedSteps(checkpoints: number, steps: number, maxSteps: number): number[];
}

/** A TorchScript file as the addon knows it. */
export interface NativeScript {
  readonly script: object;
  readonly tensors: readonly {
    readonly name: string;
    readonly handle: NewHandle;
    readonly isParameter: boolean;
  }[];
  /** The arguments of `forward`, with their types as Python writes them. */
  readonly arguments: readonly {
    readonly name: string;
    readonly type: string;
    readonly hasDefault: boolean;
  }[];
}

/** A result of a script: tensors as `{handle}`, dicts as `{keys, values}`, lists and tuples as arrays. */
export type NativeScriptValue =
  | null
  | number
  | bigint
  | boolean
  | string
  | { readonly handle: NewHandle }
  | { readonly keys: readonly NativeScriptValue[]; readonly values: readonly NativeScriptValue[] }
  | readonly NativeScriptValue[];

let loaded: Native | undefined;

/**
 * The addon, loaded on first use, so that importing the library needs no libtorch.
 *
 * @throws ERR_SETUP if it is not built, or its libtorch is missing or has moved; the message names the command.
 */
export function native(): Native {
  return (loaded ??= load());
}

function load(): Native {
  let addon: Native;
  try {
    addon = withShortSpins(() => bindings('equinode') as Native);
  } catch (cause) {
    throw new SetupError(explain(cause), { cause });
  }
  const failed = new Int32Array(1);
  addon.setErrorFactory(
    (code, op, message, cause) =>
      errorOf(code, message, {
        op: op === '' ? undefined : op,
        cause: cause === '' ? undefined : new Error(cause),
      }),
    failed,
  );
  return throwing(addon, failed);
}

/** Exports that only release and remember. */
const neverFail = new Set(['guard', 'release']);

/** The addon with exports that throw what they fail with. See NOTE [errors are returned] in native/napi/failure.h. */
function throwing(addon: Native, failed: Int32Array): Native {
  const exports = Object.entries(addon).map(([name, value]: [string, unknown]) => {
    if (typeof value !== 'function' || neverFail.has(name)) return [name, value];
    const run = value as (...args: unknown[]) => unknown;
    const checked = (...args: unknown[]): unknown => {
      const result = run(...args);
      if (failed[0] === 0) return result;
      failed[0] = 0;
      // What a callback threw may be anything.
      throw result;
    };
    return [name, checked];
  });
  return Object.fromEntries(exports) as Native;
}

/**
 * Loads what brings libgomp, which looks at its settings once. By default its threads spin for milliseconds when they wait
 * for each other, so that two busy processes on the same cores take many times as long; for some microseconds is enough.
 */
function withShortSpins<T>(load: () => T): T {
  const { env } = process;
  if (env['GOMP_SPINCOUNT'] !== undefined || env['OMP_WAIT_POLICY'] !== undefined) return load();
  env['GOMP_SPINCOUNT'] = '10000';
  try {
    return load();
  } finally {
    // No setting of ours for the programs that this one starts.
    delete env['GOMP_SPINCOUNT'];
  }
}

function explain(cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const missing = /lib(torch|c10)[^:\s]*\.so/.exec(reason);
  const state = missing
    ? `the addon is built, but ${missing[0]} was not found: libtorch is missing or has moved`
    : reason.includes('Could not locate the bindings file')
      ? 'the native addon is not built'
      : `the native addon could not be loaded (${reason.split('\n')[0] ?? ''})`;
  return (
    `equinode: ${state} (${process.platform}-${process.arch}, Node ${process.versions.node}). ` +
    'Run `npx equinode libtorch install` to set libtorch up and build the addon, or `npx equinode doctor` to see what is missing.'
  );
}
