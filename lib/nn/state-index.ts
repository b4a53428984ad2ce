import { ArgumentError } from '../base/errors';
import { field, Module } from '../module';
import * as tree from '../tree';

/** What names a state: unique at first, and a path after `makeWithState`. */
export type Marker = symbol | string;

/** Stands where an initial state was, once a `State` holds it. */
class Deleted extends Module {}
const deleted = new Deleted();

/**
 * Names a value that changes from call to call, and says what it is at first. A layer with state holds one for each
 * value, and reads and writes it through a `State`.
 *
 * @example
 * class Counter extends nn.StatefulLayer {
 *   readonly index = new nn.StateIndex(tensor(0));
 *   forward(x: Tensor, { state }: { state: nn.State }) {
 *     const count = state.get(this.index);
 *     return [x.add(count), state.set(this.index, count.add(1))] as const;
 *   }
 * }
 * @see equinox.nn.StateIndex.
 */
export class StateIndex<V = unknown> extends Module {
  static readonly fields = { marker: field({ static: true }) };
  /** @internal */
  readonly marker: Marker;
  /** @internal The value at first, until `deleteInitState`. */
  readonly init: V | Deleted;

  /**
   * @param init  The value at first: a tree of tensors and numbers.
   * @throws ERR_ARGUMENT for a function.
   */
  constructor(init: V) {
    super();
    if (typeof init === 'function') {
      throw new ArgumentError(
        'nn.StateIndex: expected the initial value itself, got a function. Call it, and pass what it returns.',
        { op: 'nn.StateIndex' },
      );
    }
    this.marker = Symbol('state');
    this.init = init;
  }

  /** @internal The same value under another name. */
  renamed(marker: Marker): StateIndex<V> {
    const index = new StateIndex(this.init as V);
    (index as { marker: Marker }).marker = marker;
    return index;
  }
}

/** Whether a node is a `StateIndex`. */
export function isStateIndex(node: unknown): node is StateIndex {
  return node instanceof StateIndex;
}

/** Whether the initial value of an index was deleted. */
export function isDeleted(init: unknown): boolean {
  return init instanceof Deleted;
}

/** The indices of a tree, in its order. */
export function indicesOf(t: unknown): readonly StateIndex[] {
  return tree.leaves(t, { isLeaf: isStateIndex }).filter(isStateIndex);
}

/**
 * A copy of a model without the initial values of its states, so that they are not kept twice. `makeWithState` does
 * this already.
 *
 * @see equinox.nn.delete_init_state.
 */
export function deleteInitState<T>(model: T): T {
  return tree.map(
    (node: unknown): unknown =>
      isStateIndex(node) ? tree.treeAt((index) => index.init, node, deleted) : node,
    model,
    { isLeaf: isStateIndex },
  );
}
