import { disposedError } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';

/**
 * Refuses tensors that are gone, before a transform looks at them.
 *
 * @throws ERR_DISPOSED in the name of the transform.
 */
export function requireLive(name: string, leaves: readonly unknown[]): void {
  for (const leaf of leaves) {
    if (leaf instanceof Tensor && leaf.isDisposed) throw disposedError(leaf, name);
  }
}
