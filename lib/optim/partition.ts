import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { describe, isPlainObject, map, leavesWithPath, atPath } from '../tree';
import { requireState, requireTransformation, type GradientTransformation, type State } from './base';
import { setToZero } from './constrain';
import { masked, type Mask } from './masked';

/**
 * A label for each part of a tree: a prefix of the parameters with strings as leaves, or a function that makes one from
 * the parameters (in `init`) or the updates.
 */
export type Labels = unknown;

/**
 * Applies a transformation of its own to each group of parameters.
 *
 * The state is `{ innerStates }`: for each label the state of `masked`.
 *
 * @param transforms  The transformation for each label.
 * @param paramLabels  The labels.
 * @throws ERR_ARGUMENT, with the path, for a label that has no transformation.
 * @example
 * const labels = (t: unknown) => tree.map((x: Tensor) => (x.ndim > 1 ? 'weights' : 'rest'), t);
 * const optimiser = optim.partition({ weights: optim.adamw(1e-3), rest: optim.adam(1e-3) }, labels);
 * @see optax.partition, once called multi_transform.
 */
export function partition(
  transforms: Readonly<Record<string, GradientTransformation>>,
  paramLabels: Labels,
): GradientTransformation {
  const op = 'optim.partition';
  if (!isPlainObject(transforms)) {
    throw new ArgumentError(
      `${op}: expected an object of transformations by label, got ${describe(transforms)}.`,
      { op },
    );
  }
  const groups = Object.keys(transforms);
  groups.forEach((group) => {
    requireTransformation(transforms[group], `the transformation of '${group}'`, op);
  });
  if (paramLabels === undefined || paramLabels === null) {
    throw new ArgumentError(
      `${op}: expected a tree of labels, or a function that makes one, got ${String(paramLabels)}.`,
      {
        op,
      },
    );
  }
  const labelsOf = (t: unknown): unknown => {
    const labels =
      typeof paramLabels === 'function' ? (paramLabels as (t: unknown) => unknown)(t) : paramLabels;
    leavesWithPath(labels).forEach(([path, label]) => {
      if (groups.includes(label as string)) return;
      throw new ArgumentError(
        `${op}: expected the labels ${groups.map((group) => `'${group}'`).join(', ')}, got ${JSON.stringify(label) as string | undefined}${atPath(path)}.`,
        { op },
      );
    });
    return labels;
  };
  const partOf = (group: string, labels: unknown): GradientTransformation =>
    masked(
      transforms[group]!,
      map((label: unknown): unknown => label === group, labels),
    );
  return {
    init(params) {
      const labels = labelsOf(params);
      const states = groups.map((group) => [group, partOf(group, labels).init(params)] as const);
      return { innerStates: Object.fromEntries(states) };
    },
    update(updates, state, params, extra) {
      const { innerStates } = requireState(state, ['innerStates'], op);
      const own = requireState(innerStates as State, groups, op);
      const labels = labelsOf(updates);
      let current = updates;
      const states = groups.map((group) => {
        const [changed, next] = partOf(group, labels).update(current, own[group] as State, params, extra);
        current = changed;
        return [group, next] as const;
      });
      return [current, { innerStates: Object.fromEntries(states) }];
    },
  };
}

/**
 * The older name of `partition`.
 *
 * @see optax.multi_transform.
 */
export const multiTransform = partition;

/**
 * Replaces the updates of frozen parameters by zeros; the rest passes through.
 *
 * @param mask  true for what is frozen.
 * @throws as `masked`.
 * @see optax.freeze.
 */
export function freeze(mask: Mask): GradientTransformation {
  return masked(setToZero(), mask);
}

/**
 * Applies an optimiser to what is not frozen; frozen parameters get zeros, and no state.
 *
 * @param freezeMask  true for what is frozen.
 * @throws as `masked`.
 * @see optax.selective_transform.
 */
export function selectiveTransform(
  optimiser: GradientTransformation,
  options: { readonly freezeMask: Mask },
): GradientTransformation {
  requireOptions(options, ['freezeMask'], 'optim.selectiveTransform');
  const { freezeMask } = options;
  requireTransformation(optimiser, 'the optimiser', 'optim.selectiveTransform');
  const labels = (): unknown =>
    map((flag: unknown): unknown => (flag === true ? 'freeze' : 'train'), freezeMask);
  return partition({ train: optimiser, freeze: setToZero() }, labels);
}
