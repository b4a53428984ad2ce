import { TreeError } from '../base/errors';
import { atPath, type Path, type PathKey } from './path';
import { describe, kindOf } from './registry';

interface Step {
  readonly value: unknown;
  readonly key: PathKey | undefined;
  readonly parent: Step | undefined;
  readonly depth: number;
  /** Set for the second visit, when all that is below has been seen. */
  readonly leaving: boolean;
}

/** No tree that anybody made is deeper: a registered class makes nodes without end. */
const deepest = 250_000;

/**
 * Walks a tree that is suspected of containing itself.
 *
 * @throws ERR_TREE naming the path of the node, and of the one above that it is the same object as; and for trees
 *   without end.
 */
export function refuseCycles(tree: unknown, isLeaf: ((node: unknown) => boolean) | undefined): void {
  const above = new Map<object, Step>();
  const done = new Set<object>();
  const steps: Step[] = [{ value: tree, key: undefined, parent: undefined, depth: 0, leaving: false }];
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    const { value } = step;
    if (!isObject(value) || done.has(value)) continue;
    if (step.leaving) {
      above.delete(value);
      done.add(value);
      continue;
    }
    const kind = isLeaf?.(value) === true ? undefined : kindOf(value);
    if (kind === undefined) continue;
    const ancestor = above.get(value);
    if (ancestor !== undefined) throw cycleError(step, ancestor);
    if (step.depth > deepest) throw endlessError(value);
    above.set(value, step);
    steps.push({ ...step, leaving: true });
    const children: unknown[] = [];
    const fixed = kind.open(value, children);
    const keys = kind.keys(fixed, children.length);
    // `children` has its first at the end; pushing in that order keeps the first on top.
    for (let i = 0; i < children.length; i++) {
      steps.push({
        value: children[i],
        key: keys[children.length - 1 - i],
        parent: step,
        depth: step.depth + 1,
        leaving: false,
      });
    }
  }
}

/** Nodes may be functions, too: callable instances of registered classes. */
function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function endlessError(node: object): TreeError {
  return new TreeError(
    `tree: expected a tree, got one of more than ${deepest} levels, with ${describe(node)} in the last one. ` +
      'Check the `flatten` of registered classes.',
    { op: 'tree' },
  );
}

function cycleError(step: Step, ancestor: Step): TreeError {
  return new TreeError(
    `tree: expected a tree, got a cycle: the node${atPath(pathTo(step))} is the same object as the one${atPath(pathTo(ancestor))}. ` +
      'Keep such links in a static field or a closure.',
    { op: 'tree' },
  );
}

function pathTo(step: Step): Path {
  const keys: PathKey[] = [];
  for (let at: Step | undefined = step; at?.key !== undefined; at = at.parent) keys.push(at.key);
  return keys.reverse();
}
