import { Module } from '../module';
import * as tree from '../tree';
import { requireCallable } from './arguments';
import { State } from './state';
import { deleteInitState, isStateIndex } from './state-index';

/** What makes a model: a class, or a function. */
export type Maker<A extends unknown[], T> = (new (...args: A) => T) | ((...args: A) => T);

/**
 * Makes a model and its first state: a function of the arguments of the class (or function) that returns both.
 *
 * The states are named after their places in the model, so that the state of one model fits every other that was made
 * in the same way, also after saving and loading.
 *
 * @throws ERR_ARGUMENT unless `make` is a class or a function.
 * @returns a function that returns `[model, state]`; the model keeps no initial values of its states.
 * @example
 * const [model, state] = nn.makeWithState(Model)(10, { key });
 * @see equinox.nn.make_with_state.
 */
export function makeWithState<A extends unknown[], T>(
  make: Maker<A, T>,
): (...args: A) => [model: T, state: State] {
  requireCallable(make, 'Model', 'nn.makeWithState');
  return (...args) => {
    const made = isClass(make) ? new make(...args) : make(...args);
    const label = (made as { constructor?: { name?: string } } | null)?.constructor?.name ?? '';
    const named = tree.mapWithPath<T, unknown>(
      (path, node) => (isStateIndex(node) ? node.renamed(label + tree.keystr(path)) : node),
      made,
      { isLeaf: isStateIndex },
    );
    return [deleteInitState(named), new State(named)];
  };
}

function isClass<A extends unknown[], T>(make: Maker<A, T>): make is new (...args: A) => T {
  return (make as { prototype?: unknown }).prototype instanceof Module || /^class\b/.test(String(make));
}
