import { isInexactDType } from '../base/dtype';
import { TransformError } from '../base/errors';
import { Tensor } from '../tensor/tensor';
import { atPath, flattenUpTo, leafPaths, type Structure } from '../tree';
import { describeValue } from './describe';
import type { Maybe } from './rule';

/** What a tangent or cotangent is for: enough to check it. */
export interface Look {
  readonly shape: readonly number[];
  readonly dtype: Tensor['dtype'];
}

/** Whether a leaf is differentiated: a floating-point or complex tensor. */
export function isDifferentiable(leaf: unknown): leaf is Tensor {
  return leaf instanceof Tensor && isInexactDType(leaf.dtype);
}

/**
 * The leaves of a tree of tangents or cotangents: null for zero, and for every leaf that has no derivative.
 *
 * @param what  what the tree is, for messages: "tangents".
 * @param looks  what each leaf is for; null for leaves without a derivative.
 * @throws ERR_TRANSFORM if the structure, a shape or a dtype is another.
 */
export function directionsOf(
  op: string,
  what: string,
  structure: Structure,
  looks: readonly (Look | null)[],
  tree: unknown,
): Maybe[] {
  let parts: readonly unknown[];
  try {
    parts = flattenUpTo(structure, tree, op);
  } catch (cause) {
    throw new TransformError(
      `${op}: expected ${what} with the structure ${structure.toString()}, null standing for zero, got ${describeValue(tree)}: ${(cause as Error).message}`,
      { op, cause },
    );
  }
  const paths = leafPaths(structure);
  return parts.map((part, i) => {
    if (part === null || part === undefined) return null;
    const look = looks[i] ?? null;
    const place = (paths[i] ?? []).length > 0 ? atPath(paths[i] ?? []) : '';
    if (look === null) {
      throw new TransformError(
        `${op}: expected null among the ${what} for a leaf that has no derivative, got ${describeValue(part)}${place}.`,
        { op },
      );
    }
    const fits =
      part instanceof Tensor &&
      part.dtype === look.dtype &&
      part.ndim === look.shape.length &&
      part.shape.every((size, axis) => size === look.shape[axis]);
    if (fits) return part;
    throw new TransformError(
      `${op}: expected ${look.dtype}[${look.shape.join()}] among the ${what}, got ${describeValue(part)}${place}. null stands for zero.`,
      { op },
    );
  });
}

/** What each leaf's tangent or cotangent must look like. */
export function looksOf(leaves: readonly unknown[]): (Look | null)[] {
  return leaves.map((leaf) => (isDifferentiable(leaf) ? { shape: leaf.shape, dtype: leaf.dtype } : null));
}
