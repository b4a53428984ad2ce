import { DisposedError } from '../base/errors';
import type { Handle } from '../native';
import type { Tensor } from './tensor';

/**
 * The handle of a tensor that is about to be used by `op`.
 *
 * @throws ERR_DISPOSED if the tensor's data is gone.
 */
export function handleOf(tensor: Tensor, op: string): Handle {
  const handle = tensor._handle;
  if (handle === 0) throw disposedError(tensor, op);
  return handle;
}

/** The error for a tensor whose data is gone. */
export function disposedError(tensor: Tensor, op: string): DisposedError {
  const reason = tensor._gone ?? 'it was disposed';
  return new DisposedError(`${op}: expected a live tensor, got one that is gone: ${reason}.`, { op });
}
