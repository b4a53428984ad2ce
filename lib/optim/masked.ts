import { ArgumentError } from '../base/errors';
import { isCallable } from '../module';
import { atPath, describe, flattenUpTo, flattenWithPath, unflatten } from '../tree';
import { requireState, requireTransformation, type GradientTransformation } from './base';

/**
 * Which parts of a tree a transformation is for: a prefix of the parameters with booleans as leaves, or a function
 * that makes one from the parameters (in `init`) or the updates.
 */
export type Mask = unknown;

/**
 * Applies a transformation to a part of the tree only; the rest passes through.
 *
 * @param inner  The transformation; it sees null in the place of what is masked out, and keeps no state for it.
 * @param mask  true for what is transformed.
 * @throws ERR_ARGUMENT for no transformation or no mask, and, with the path, for a leaf of the mask that is no boolean; ERR_TREE if it is no prefix.
 * @example
 * const noBias = (params: unknown) => tree.map((x: Tensor) => x.ndim !== 1, params);
 * optim.masked(optim.addDecayedWeights(1e-4), noBias);
 * @see optax.masked.
 */
export function masked(inner: GradientTransformation, mask: Mask): GradientTransformation {
  const op = 'optim.masked';
  requireTransformation(inner, 'the first argument', op);
  if (mask === undefined || mask === null) {
    throw new ArgumentError(
      `${op}: expected a mask of booleans, or a function that makes one, got ${String(mask)}.`,
      { op },
    );
  }
  const maskOf = (t: unknown): unknown =>
    typeof mask === 'function' ? (mask as (t: unknown) => unknown)(t) : mask;
  return {
    init: (params) => ({ innerState: inner.init(new MaskTree(maskOf(params), op).apply(params)) }),
    update(updates, state, params, extra) {
      const { innerState } = requireState(state, ['innerState'], op);
      const tree = new MaskTree(maskOf(updates), op);
      const own = params === undefined ? undefined : tree.apply(params);
      const [changed, next] = inner.update(tree.apply(updates), innerState as never, own, extra);
      return [tree.choose(changed, updates) as typeof updates, { innerState: next }];
    },
  };
}

class MaskTree {
  private readonly op: string;
  private readonly structure;
  private readonly flags: readonly boolean[];

  constructor(mask: unknown, op: string) {
    this.op = op;
    const [entries, structure] = flattenWithPath(mask);
    this.structure = structure;
    this.flags = entries.map(([path, flag]) => {
      if (typeof flag === 'boolean') return flag;
      const hint = isCallable(flag) ? ' Pass one function for the whole mask.' : '';
      throw new ArgumentError(
        `${op}: expected a mask of booleans, got ${describe(flag)}${atPath(path)}.${hint}`,
        { op },
      );
    });
  }

  /** The tree with null in the place of what is masked out. */
  apply(t: unknown): unknown {
    const parts = flattenUpTo(this.structure, t, this.op);
    return unflatten(
      this.structure,
      parts.map((part, i) => (this.flags[i] === true ? part : null)),
    );
  }

  choose(inside: unknown, outside: unknown): unknown {
    const others = flattenUpTo(this.structure, outside, this.op);
    const own = flattenUpTo(this.structure, inside, this.op);
    return unflatten(
      this.structure,
      own.map((part, i) => (this.flags[i] === true ? part : others[i])),
    );
  }
}
