import { native, type Handle, type NewHandle, type PackedHandles } from '../native';
import { watchUses } from './handle';
import { Tensor } from './tensor';

/**
 * NOTE [scopes]: every tensor that is made while a scope is open belongs to the innermost one. When the scope
 * closes, those that are not kept are released at once; the kept ones move to the scope outside, or get a guard
 * when there is none. So inside a scope a tensor costs no garbage collection at all.
 */
export class Scope {
  readonly tensors: Tensor[] = [];
  readonly outer: Scope | undefined;
  /** Completes the message of a tensor that was used after the scope had ended. */
  readonly reason: string;

  constructor(outer: Scope | undefined, reason: string) {
    this.outer = outer;
    this.reason = reason;
  }
}

let current: Scope | undefined;

/** What outlives its own scope, up to the outermost one. */
const retained = new Set<Tensor>();

/** Other objects that live until the outermost scope closes. */
let keptObjects: object[] = [];

/**
 * Small tensors share a guard among as many: native/napi/bind_core.cpp, kGuardGroup. See NOTE [shared guards] in
 * native/napi/env.cpp.
 */
const groupSize = 8;

/** Small tensors outside every scope that have no guard yet, and how many there are. */
const waiting: (Tensor | undefined)[] = new Array<undefined>(groupSize).fill(undefined);
let waitingCount = 0;

/** Lets the garbage collector release a tensor, since no scope will. */
function guard(tensor: Tensor, isApart: boolean): void {
  if (isApart) {
    tensor._guard = native().guard(tensor._handle);
    return;
  }
  waiting[waitingCount++] = tensor;
  if (waitingCount === groupSize) guardWaiting();
}

function guardWaiting(): void {
  const [a, b, c, d, e, f, g, h] = waiting as Tensor[];
  const shared = native().guard(
    a!._handle,
    b!._handle,
    c!._handle,
    d!._handle,
    e!._handle,
    f!._handle,
    g!._handle,
    h!._handle,
  );
  for (let i = 0; i < groupSize; i++) {
    waiting[i]!._guard = shared;
    waiting[i] = undefined;
  }
  waitingCount = 0;
}

/** Makes the tensor for a new handle, owned by the open scope, or by the garbage collector when there is none. */
export function adopt(handle: NewHandle): Tensor {
  const isApart = handle < 0;
  const tensor = new Tensor(isApart ? -handle : handle);
  if (current === undefined) guard(tensor, isApart);
  else current.tensors.push(tensor);
  return tensor;
}

/** As `adopt`, for a tensor that must not live as long as others that were made around it. */
export function adoptApart(handle: NewHandle): Tensor {
  return adopt(handle > 0 ? -handle : handle);
}

/**
 * Makes the tensors of a program's results. Small ones of one group share guards, since whoever keeps one of them most
 * likely keeps all: the parts of one node of a tree. Those of a negative group stand alone.
 */
export function adoptGroups(handles: PackedHandles, groups: readonly number[]): Tensor[] {
  const tensors: Tensor[] = [];
  let together: Tensor[] = [];
  let group = -1;
  for (let i = 0; i < handles.length; i++) {
    const handle = handles[i]!;
    if (handle < 0 || groups[i]! < 0 || current !== undefined) {
      tensors.push(adoptApart(handle));
      continue;
    }
    if (groups[i] !== group || together.length === groupSize) {
      guardTogether(together);
      together = [];
      group = groups[i]!;
    }
    const tensor = new Tensor(handle);
    tensors.push(tensor);
    together.push(tensor);
  }
  guardTogether(together);
  return tensors;
}

function guardTogether(tensors: readonly Tensor[]): void {
  if (tensors.length === 0) return;
  const shared = native().guard(...tensors.map((tensor) => tensor._handle));
  for (const tensor of tensors) tensor._guard = shared;
}

/** Runs a function whose tensors no open scope owns: constants that are kept for later calls. */
export function outsideScopes<T>(make: () => T): T {
  const scope = current;
  current = undefined;
  try {
    return make();
  } finally {
    current = scope;
  }
}

/** Runs a function whose tensors the scope around the innermost one owns, so that they outlive that. */
export function inOuterScope<T>(make: () => T): T {
  const scope = current;
  current = current?.outer;
  try {
    return make();
  } finally {
    current = scope;
  }
}

/**
 * Runs a body that will run again before the outermost scope closes: what it uses of the scopes around, such as variables
 * of a closure, stays alive until then.
 *
 * @returns its result, and the tensors that it used and did not make.
 */
export function retaining<T>(body: () => T): [result: T, used: ReadonlySet<Tensor>] {
  const used = new Set<Tensor>();
  const madeBefore = current?.tensors.length ?? 0;
  const outer = watchUses(used);
  try {
    const result = body();
    for (const made of current?.tensors.slice(madeBefore) ?? []) used.delete(made);
    for (const tensor of used) {
      if (tensor.isDisposed) used.delete(tensor);
      else if (current !== undefined) retained.add(tensor);
      outer?.add(tensor);
    }
    return [result, used];
  } finally {
    watchUses(outer);
  }
}

/** What `retaining` found since the outermost scope opened. */
export function retainedNow(): ReadonlySet<Tensor> {
  return retained;
}

/** Keeps an object alive until the outermost scope closes. */
export function keepInScope(object: object): void {
  if (current !== undefined) keptObjects.push(object);
}

/** Opens a scope; every `openScope` needs its `closeScope`, in a `finally`. */
export function openScope(reason: string): Scope {
  current = new Scope(current, reason);
  return current;
}

/**
 * Closes a scope: releases its tensors except those in `kept`, which the scope outside owns from then on.
 */
export function closeScope(scope: Scope, kept: ReadonlySet<Tensor>): void {
  current = scope.outer;
  const handles: Handle[] = [];
  const survivors: Tensor[] = [];
  for (const tensor of scope.tensors) {
    const handle = tensor._handle;
    if (handle === 0) continue;
    if (kept.has(tensor) || (current !== undefined && retained.has(tensor))) {
      survivors.push(tensor);
    } else {
      tensor._handle = 0;
      tensor._gone = scope.reason;
      handles.push(handle);
    }
  }
  if (current === undefined && retained.size > 0) retained.clear();
  if (current === undefined && keptObjects.length > 0) keptObjects = [];
  if (handles.length > 0) native().releaseMany(handles);
  // After the release: a guard reports the bytes that its tensor then owns alone, and a kept view owns them only now.
  for (const tensor of survivors) {
    if (current === undefined) guard(tensor, true);
    else current.tensors.push(tensor);
  }
}
