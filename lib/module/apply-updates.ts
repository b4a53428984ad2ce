import { ArgumentError, EquinodeError, errorOf } from '../base/errors';
import { isArrayLike } from '../filter';
import { add } from '../ops';
import { atPath, describe, flatten, flattenUpTo, leafPaths, unflatten } from '../tree';

/**
 * Adds updates to a model: at each place the sum, and the model's own part, unchanged, where the update is null.
 *
 * @param model  Any tree.
 * @param updates  A prefix of `model`, as an optimiser or `filterGrad` makes it: null stands for a whole subtree.
 * @returns The updated model.
 * @throws ERR_TREE if `updates` is not a prefix of `model`; ERR_ARGUMENT, with the path, for an update of something
 *   that is neither a tensor nor a number; ERR_SHAPE, ERR_DISPOSED likewise.
 * @example
 * model = applyUpdates(model, updates);
 * @see equinox.apply_updates.
 */
export function applyUpdates<T>(model: T, updates: unknown): T {
  const [changes, structure] = flatten(updates, { isLeaf: (node) => node === null || node === undefined });
  const parts = flattenUpTo(structure, model, 'applyUpdates');
  const results = parts.map((part, i) => {
    const change = changes[i];
    if (change === null || change === undefined) return part;
    if (typeof part === 'number' && typeof change === 'number') return part + change;
    if (isArrayLike(part) && isArrayLike(change)) {
      try {
        return add(part, change);
      } catch (cause) {
        if (!(cause instanceof EquinodeError)) throw cause;
        const reason = cause.message.replace(/^add: /, '').replace(/\.$/, '');
        throw errorOf(cause.code, `applyUpdates: ${reason}${atPath(leafPaths(structure)[i]!)}.`, {
          op: 'applyUpdates',
          cause,
        });
      }
    }
    const wrong = isArrayLike(part) ? change : part;
    throw new ArgumentError(
      `applyUpdates: expected tensors or numbers to add, got ${describe(wrong)}${atPath(leafPaths(structure)[i]!)}. ` +
        'Use null as the update of what stays as it is.',
      { op: 'applyUpdates' },
    );
  });
  return unflatten(structure, results) as T;
}
