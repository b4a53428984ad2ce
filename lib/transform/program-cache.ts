import { Module, Partial } from '../module';
import { hashStatic, mix, sameStatic, type Structure } from '../tree';
import type { Program } from './program';
import { wrappedBy } from './wrapped-function';

/** Stands for a tensor among the leaves of a call. */
export const tensorMark = Symbol('tensor');

/** What a call looks like to the cache: everything that a trace may have looked at, but the values of tensors. */
export interface CallKey {
  /** Of `[fn, args]`. */
  readonly structure: Structure;
  /** The leaves, with `tensorMark` in the place of tensors. */
  readonly leaves: readonly unknown[];
  /** dtype, device and shape of each tensor. */
  readonly signature: string;
}

export interface Entry extends CallKey {
  readonly program: Program;
  /** How many programs were made before, for this function. */
  readonly number: number;
}

/** From this many programs on, the one that was made first is forgotten for each new one. */
const limit = 1024;

/** The programs of one function. */
export class ProgramCache {
  private readonly buckets = new Map<number, Entry[]>();
  private size = 0;
  private made = 0;

  /** The entry for a call, if there is one. */
  find(key: CallKey): Entry | undefined {
    return this.buckets.get(hashOf(key))?.find((entry) => matches(entry, key));
  }

  /** Remembers a program; call it only once the program is whole. */
  add(key: CallKey, program: Program): void {
    if (this.size >= limit) this.forgetFirst();
    const hash = hashOf(key);
    const entry = { ...key, program, number: ++this.made };
    const bucket = this.buckets.get(hash);
    if (bucket === undefined) this.buckets.set(hash, [entry]);
    else bucket.push(entry);
    this.size++;
  }

  /** All entries, in the order in which they were made. */
  entries(): readonly Entry[] {
    return [...this.buckets.values()].flat().sort((a, b) => a.number - b.number);
  }

  clear(): void {
    this.buckets.clear();
    this.size = 0;
    this.made = 0;
  }

  private forgetFirst(): void {
    for (const [hash, bucket] of this.buckets) {
      this.buckets.delete(hash);
      this.size -= bucket.length;
      return;
    }
  }
}

function hashOf({ structure, leaves }: CallKey): number {
  let hash = structure.hash;
  leaves.forEach((leaf, i) => {
    if (leaf !== tensorMark) hash = mix(mix(hash, i), hashStatic(leaf));
  });
  return hash;
}

function matches(entry: Entry, key: CallKey): boolean {
  return (
    entry.signature === key.signature &&
    entry.leaves.length === key.leaves.length &&
    entry.structure.equals(key.structure) &&
    entry.leaves.every((leaf, i) => sameStatic(leaf, key.leaves[i]))
  );
}

/**
 * NOTE [shared programs]: compiled functions that come of the same function share their programs, whatever wraps it:
 * `filterJit(filterGrad(f))` made anew for each call is traced once. The innermost function owns the cache, or the class
 * of a module, since the key holds all the rest. What a cache keeps alive does not keep its owner alive.
 */
const caches = new WeakMap<object, ProgramCache>();
let all: WeakRef<ProgramCache>[] = [];
let pruneAt = 64;

/** The programs that calls of `fn` share. */
export function cacheOf(fn: object): ProgramCache {
  const owner = ownerOf(fn);
  let cache = caches.get(owner);
  if (cache === undefined) {
    cache = new ProgramCache();
    caches.set(owner, cache);
    if (all.length >= pruneAt) {
      all = all.filter((reference) => reference.deref() !== undefined);
      pruneAt = Math.max(64, 2 * all.length);
    }
    all.push(new WeakRef(cache));
  }
  return cache;
}

/** Forgets the compiled programs of every jitted function. */
export function clearCaches(): void {
  for (const reference of all) reference.deref()?.clear();
}

function ownerOf(fn: object): object {
  let owner = fn;
  for (;;) {
    const inner = wrappedBy(owner) ?? (owner instanceof Partial ? owner.func : undefined);
    if (inner === undefined) break;
    owner = inner;
  }
  if (owner instanceof Module) return owner.constructor;
  if (typeof owner === 'function') return owner;
  return (owner as { forward: object }).forward;
}
