import { ArgumentError } from '../base/errors';
import { Module, treePformat } from '../module';
import { Tensor } from '../tensor/tensor';
import { tidy } from '../tensor/tidy';
import * as tree from '../tree';
import { requireCallable } from './arguments';

/** Stands where a shared node was. */
class SharedNode {
  toString(): string {
    return 'SharedNode';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return 'SharedNode';
  }
}

// One for all, since leaves that are no tensors count by identity in compiled functions.
const sharedNode = Object.freeze(new SharedNode());

/**
 * Ties nodes of a tree together: they are kept, and trained, once.
 *
 * A module that stands at two places of a model is two copies of it, which go apart in training. `Shared` takes one of
 * them out, and `forward()` puts what `get` returns in its place.
 *
 * @example
 * const pair = [new nn.Embedding(100, 8, { key: k1 }), new nn.Linear(8, 100, { key: k2 })] as const;
 * const shared = new nn.Shared(pair, ([, head]) => head.weight, ([embedding]) => embedding.weight);
 * const [embedding, head] = shared.forward(); // embedding.weight === head.weight
 * @see equinox.nn.Shared.
 */
export class Shared<T> extends Module {
  readonly pytree: T;
  readonly where: (pytree: T) => unknown;
  readonly get: (pytree: T) => unknown;

  /**
   * @param pytree  The tree.
   * @param where  Picks the node to take out, or an array of them, as for `treeAt`.
   * @param get  Computes what stands in its place (or an array of as many) from the rest of the tree.
   * @throws ERR_ARGUMENT unless both have the same structure, shapes and dtypes; ERR_TREE as `treeAt` does.
   */
  constructor(pytree: T, where: (pytree: T) => unknown, get: (pytree: T) => unknown) {
    super();
    requireCallable(where, 'where', 'nn.Shared');
    requireCallable(get, 'get', 'nn.Shared');
    const [source, destination] = [get, where].map((f) => outline(f, pytree));
    if (source!.text !== destination!.text || !source!.structure.equals(destination!.structure)) {
      throw new ArgumentError(
        'nn.Shared: expected nodes of the same structure, shapes and dtypes to share, ' +
          `got ${source!.text} from \`get\` and ${destination!.text} from \`where\`.`,
        { op: 'nn.Shared' },
      );
    }
    this.pytree = tree.treeAt(where, pytree, { replaceFn: () => sharedNode });
    this.where = where;
    this.get = get;
  }

  /** @returns The tree as it was given, with `get(pytree)` in the place of the nodes that were taken out. */
  forward(): T {
    return tree.treeAt(this.where, this.pytree, this.get(this.pytree));
  }
}

/** What can be compared of a tree without its values. */
function outline<T>(f: (pytree: T) => unknown, pytree: T): { text: string; structure: tree.Structure } {
  return tidy(() => {
    const result = f(pytree);
    const shapes = tree.map((leaf: unknown): unknown => (leaf instanceof Tensor ? leaf : 0), result);
    return { text: treePformat(shapes, { width: 1e9 }), structure: tree.structure(result) };
  });
}
