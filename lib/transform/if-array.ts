import { Tensor } from '../tensor/tensor';

/** An axis for some leaves: what a callable in `inAxes` and `outAxes` is. */
export type AxisRule = (leaf: unknown) => number | null;

/**
 * The axis for tensors, null for everything else.
 *
 * @see equinox.if_array.
 */
export function ifArray(axis: number): AxisRule {
  return (leaf) => (leaf instanceof Tensor ? axis : null);
}
