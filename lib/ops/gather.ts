import type { Tensor } from '../tensor/tensor';
import * as ops from './generated';
import type { IndexPlan } from './index-plan';

/** Takes what the plan's tensors name, after its views. See NOTE [gather placement]. */
export function gather(base: Tensor, plan: IndexPlan): Tensor {
  const part = ops.index(base, plan.indices);
  return moveAxes(part, plan.libtorchPlace, plan.place, part.ndim - (base.ndim - coveredCount(plan)));
}

/** The positions of a gather, one tensor for each axis that is gathered. */
export interface Positions {
  /** One integer tensor for each axis of the base that is gathered, else null; as many as the plan covers. */
  readonly byAxis: readonly (Tensor | null)[];
  /** The shape that the tensors broadcast to. */
  readonly shape: readonly number[];
}

/** Turns masks into positions. */
export function positionsOf(plan: IndexPlan): Positions {
  const byAxis = plan.indices.flatMap((index) =>
    index?.dtype === 'bool' ? ops.nonzeroNumpy(index) : [index],
  );
  const [first] = ops.broadcastTensors(byAxis.filter((index) => index !== null));
  return { byAxis, shape: first?.shape ?? [] };
}

/** The shape of what the positions name in `base`. */
export function targetShape(base: Tensor, plan: IndexPlan, { byAxis, shape }: Positions): number[] {
  const rest = base.shape.filter((_size, axis) => (byAxis[axis] ?? null) === null);
  return rest.toSpliced(plan.place, 0, ...shape);
}

/**
 * Reduces values into the elements that positions name; an element that is named several times takes all of them.
 *
 * @param values  of the shape that `targetShape` gives.
 */
export function scatterReduce(
  base: Tensor,
  plan: IndexPlan,
  positions: Positions,
  values: Tensor,
  reduce: 'prod' | 'amin' | 'amax',
): Tensor {
  const { byAxis, shape } = positions;
  const isGathered = (axis: number): boolean => (byAxis[axis] ?? null) !== null;
  const axes = base.shape.map((_size, axis) => axis);
  const order = [...axes.filter(isGathered), ...axes.filter((axis) => !isGathered(axis))];
  const sizes = order.map((axis) => base.shape[axis] ?? 0);
  const gatheredCount = axes.filter(isGathered).length;
  const rows = product(sizes.slice(0, gatheredCount));
  const columns = product(sizes.slice(gatheredCount));
  const updates = product(shape);

  const row = ops.expand(ops.reshape(rowOf(base, byAxis, rows, shape), [updates, 1]), [updates, columns]);
  const source = ops.reshape(moveAxes(values, plan.place, 0, shape.length), [updates, columns]);
  const table = ops.reshape(ops.permute(base, order), [rows, columns]);
  const reduced = ops.reshape(ops.scatterReduce(table, 0, row, source, reduce), sizes);
  return ops.permute(
    reduced,
    axes.map((axis) => order.indexOf(axis)),
  );
}

/** The row that each set of positions means where the gathered axes are one; out of range if a position is. */
function rowOf(base: Tensor, byAxis: Positions['byAxis'], rows: number, shape: readonly number[]): Tensor {
  let row: Tensor | undefined;
  for (const [axis, index] of byAxis.entries()) {
    if (index === null) continue;
    const size = base.shape[axis] ?? 0;
    const long = ops.to(index, 'int64');
    const wrapped = ops.where(ops.lt(long, 0), ops.add(long, size), long);
    const isInside = ops.logicalAnd(ops.ge(wrapped, 0), ops.lt(wrapped, size));
    const inner = row === undefined ? wrapped : ops.add(ops.mul(row, size), wrapped);
    // A row that is out of range stays so: no further axis brings it back below `rows`.
    row = ops.where(isInside, inner, rows);
  }
  return ops.expand(row ?? ops.scalarTensor(0, { dtype: 'int64' }), shape);
}

/** Moves `count` neighbouring axes. */
export function moveAxes(x: Tensor, from: number, to: number, count: number): Tensor {
  if (from === to || count === 0) return x;
  const run = Array.from({ length: count }, (_none, i) => i);
  return ops.movedim(
    x,
    run.map((i) => from + i),
    run.map((i) => to + i),
  );
}

/** How many axes of the base the plan's tensors and the whole axes between them cover. */
function coveredCount(plan: IndexPlan): number {
  return plan.indices.reduce(
    (sum, index) => sum + (index === null ? 0 : index.dtype === 'bool' ? index.ndim : 1),
    0,
  );
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
