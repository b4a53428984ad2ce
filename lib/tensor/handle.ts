import { DisposedError } from '../base/errors';
import type { Handle } from '../native';
import type { Tensor } from './tensor';

let watcher: Set<Tensor> | undefined;

/** Collects every tensor that is used, until it is called again with what it returned: the one that did so before. */
export function watchUses(next: Set<Tensor> | undefined): Set<Tensor> | undefined {
  const before = watcher;
  watcher = next;
  return before;
}

/**
 * The handle of a tensor that is about to be used by `op`.
 *
 * @throws ERR_DISPOSED if the tensor's data is gone.
 */
export function handleOf(tensor: Tensor, op: string): Handle {
  const handle = tensor._handle;
  if (handle === 0) throw disposedError(tensor, op);
  if (watcher !== undefined) watcher.add(tensor);
  return handle;
}

/** The error for a tensor whose data is gone. */
export function disposedError(tensor: Tensor, op: string): DisposedError {
  const reason = tensor._gone ?? 'it was disposed';
  return new DisposedError(`${op}: expected a live tensor, got one that is gone: ${reason}.`, { op });
}
