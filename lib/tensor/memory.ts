import { native } from '../native';

export interface MemoryInfo {
  /** Live tensors of this thread. */
  readonly tensors: number;
  /** Bytes of their distinct storages. */
  readonly bytes: number;
  /** Bytes that the allocator holds, in use or kept for reuse. */
  readonly allocated: number;
  /** The highest `bytes` that a call of `memory` has seen. */
  readonly peak: number;
}

/** What tensors hold now. */
export function memory(): MemoryInfo {
  return native().memory();
}

/** Gives memory that the allocator keeps for reuse back to the system. */
export function trimMemory(): void {
  native().trimMemory();
}
