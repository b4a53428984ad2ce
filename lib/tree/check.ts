import { TreeError } from '../base/errors';
import { flatten } from './flatten';
import { atPath, type Path, type PathKey } from './path';
import { describe, kindOf } from './registry';
import type { Structure } from './structure';

/**
 * Takes one level of a tree apart.
 *
 * @returns The children of the root, and the structure with them as leaves. A leaf is its own only child.
 * @throws ERR_TREE if the root is its own immediate child.
 * @example
 * treeFlattenOneLevel({ a: 3, b: [1, 2] })[0]; // [3, [1, 2]]
 * @see equinox.tree_flatten_one_level.
 */
export function treeFlattenOneLevel(t: unknown): [children: unknown[], structure: Structure] {
  let isRoot = true;
  const [children, structure] = flatten(t, {
    isLeaf: () => {
      const isBelow = !isRoot;
      isRoot = false;
      return isBelow;
    },
  });
  if (kindOf(t) !== undefined && children.some((child) => child === t)) {
    throw new TreeError(
      `treeFlattenOneLevel: expected a tree, got ${describe(t)} that is its own child. Remove the link to itself.`,
      { op: 'treeFlattenOneLevel' },
    );
  }
  return [children, structure];
}

interface Step {
  readonly node: unknown;
  readonly key: PathKey | undefined;
  readonly parent: Step | undefined;
}

/**
 * Checks that a tree is one: that no node with children is in it twice, or inside itself. Taking such a tree apart
 * and building it again would make copies, and the sharing would be lost. Leaves and empty nodes may repeat.
 *
 * @throws ERR_TREE naming both places.
 * @see equinox.tree_check; equinox.nn.Shared for what to do about it.
 */
export function treeCheck(t: unknown): void {
  const seen = new Map<unknown, Step>();
  const steps: Step[] = [{ node: t, key: undefined, parent: undefined }];
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    const kind = kindOf(step.node);
    if (kind === undefined) continue;
    const children: unknown[] = [];
    const fixed = kind.open(step.node, children);
    if (children.length === 0) continue;
    const first = seen.get(step.node);
    if (first !== undefined) throw repeated(step, first);
    seen.set(step.node, step);
    const keys = kind.keys(fixed, children.length);
    for (let i = 0; i < children.length; i++) {
      steps.push({ node: children[i], key: keys[children.length - 1 - i], parent: step });
    }
  }
}

function repeated(step: Step, first: Step): TreeError {
  return new TreeError(
    `treeCheck: expected every node once, got ${describe(step.node)}${atPath(pathTo(step))} that is the same object as ` +
      `the one${atPath(pathTo(first))}. Make a copy of it, or share it with \`nn.Shared\`.`,
    { op: 'treeCheck' },
  );
}

function pathTo(step: Step): Path {
  const keys: PathKey[] = [];
  for (let at: Step | undefined = step; at?.key !== undefined; at = at.parent) keys.push(at.key);
  return keys.reverse();
}
