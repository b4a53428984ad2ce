import { Tensor } from '../tensor/tensor';

/** An axis for some leaves: what a callable in `inAxes` and `outAxes` is. */
export type AxisRule = (leaf: unknown) => number | null;

const rules = new Map<number, AxisRule>();

/**
 * The axis for tensors, null for everything else. Equal axes give the same rule.
 *
 * @see equinox.if_array.
 */
export function ifArray(axis: number): AxisRule {
  let rule = rules.get(axis);
  if (rule === undefined) {
    rule = (leaf) => (leaf instanceof Tensor ? axis : null);
    rules.set(axis, rule);
  }
  return rule;
}
