import { hashStatic, mix, sameStatic, type Structure } from '../tree';
import type { Program } from './program';

/** What a call looks like to the cache: everything that a trace may have looked at, but the values of tensors. */
export interface CallKey {
  readonly structure: Structure;
  /** The leaves that are no tensors. */
  readonly statics: readonly unknown[];
  /** dtype, device and shape of each tensor. */
  readonly signature: string;
}

interface Entry extends CallKey {
  readonly program: Program;
}

/** The programs of one jitted function. */
export class ProgramCache {
  private readonly buckets = new Map<number, Entry[]>();

  /** The program for a call, if there is one. */
  find(key: CallKey): Program | undefined {
    return this.buckets.get(hashOf(key))?.find((entry) => matches(entry, key))?.program;
  }

  /** Remembers a program; call it only once the program is whole. */
  add(key: CallKey, program: Program): void {
    const hash = hashOf(key);
    const bucket = this.buckets.get(hash);
    if (bucket === undefined) this.buckets.set(hash, [{ ...key, program }]);
    else bucket.push({ ...key, program });
  }

  clear(): void {
    this.buckets.clear();
  }
}

function hashOf({ structure, statics }: CallKey): number {
  let hash = structure.hash;
  for (const value of statics) hash = mix(hash, hashStatic(value));
  return hash;
}

function matches(entry: Entry, key: CallKey): boolean {
  return (
    entry.signature === key.signature &&
    entry.statics.length === key.statics.length &&
    entry.structure.equals(key.structure) &&
    entry.statics.every((value, i) => sameStatic(value, key.statics[i]))
  );
}
