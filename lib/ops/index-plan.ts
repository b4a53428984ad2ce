import type { Tensor } from '../tensor/tensor';
import * as ops from './generated';
import { resolveIndex, type IndexSpec, type Step } from './index-spec';

/** A part of a tensor that needs no tensor of indices: how to take it, and how to put a changed one back. */
export interface View {
  take(base: Tensor): Tensor;
  put(base: Tensor, part: Tensor): Tensor;
}

/**
 * What indices mean: views to take one after the other, then one gather.
 *
 * NOTE [gather placement]: the gathered axes stand where the first of them stood if all positions and tensors among
 * the indices are next to each other, and first otherwise. That is NumPy's rule. libtorch's own looks at the tensors
 * only, because it has taken the positions away before; so `place` may differ from `libtorchPlace`.
 */
export interface IndexPlan {
  readonly views: readonly View[];
  /** For each axis that the views leave: the tensor that indexes it, or null. Empty without a gather. */
  readonly indices: readonly (Tensor | null)[];
  /** Where the gathered axes go. */
  readonly place: number;
  /** Where libtorch's `index` leaves them and its `index_put` expects them. */
  readonly libtorchPlace: number;
}

/** Settles indices against a tensor; see `resolveIndex` for the errors. */
export function planIndex(x: Tensor, specs: readonly IndexSpec[], op: string): IndexPlan {
  const steps = resolveIndex(x, specs, op);
  const views: View[] = [];
  const indices: (Tensor | null)[] = [];
  let axis = 0;
  for (const step of steps) {
    if (step.kind === 'tensor') {
      const { ndim } = step.tensor;
      if (step.isMask && ndim === 0) views.push(newAxis(axis));
      indices.push(indexTensor(step));
      axis += step.isMask ? Math.max(ndim, 1) : 1;
      continue;
    }
    views.push(...viewsOf(step, axis));
    if (step.kind === 'select') continue;
    indices.push(null);
    axis++;
  }

  const first = indices.findIndex((index) => index !== null);
  if (first < 0) return { views, indices: [], place: 0, libtorchPlace: 0 };
  const last = indices.findLastIndex((index) => index !== null);
  const libtorchPlace = indices.slice(first, last).includes(null) ? 0 : first;
  return {
    views,
    indices: indices.slice(0, last + 1),
    place: isSpread(steps) ? 0 : libtorchPlace,
    libtorchPlace,
  };
}

/** Whether a range or a new axis stands between two positions or tensors. */
function isSpread(steps: readonly Step[]): boolean {
  const gathers = steps.map((step) => step.kind === 'select' || step.kind === 'tensor');
  return gathers.slice(gathers.indexOf(true), gathers.lastIndexOf(true)).includes(false);
}

function indexTensor({ tensor, isMask }: Step & { kind: 'tensor' }): Tensor {
  if (isMask) return tensor.ndim === 0 ? ops.unsqueeze(tensor, 0) : tensor;
  // libtorch reads uint8 as a mask and takes no other small integers.
  return tensor.dtype === 'int64' || tensor.dtype === 'int32' ? tensor : ops.to(tensor, 'int64');
}

function viewsOf(step: Exclude<Step, { kind: 'tensor' }>, axis: number): View[] {
  switch (step.kind) {
    case 'new':
      return [newAxis(axis)];
    case 'select':
      return [position(axis, step.index)];
    case 'range':
      return rangeOf(axis, step);
  }
}

function newAxis(axis: number): View {
  return { take: (base) => ops.unsqueeze(base, axis), put: (_base, part) => ops.squeeze(part, axis) };
}

function position(axis: number, index: number): View {
  return {
    take: (base) => ops.select(base, axis, index),
    put: (base, part) => ops.selectScatter(base, part, axis, index),
  };
}

function rangeOf(axis: number, { first, length, step, isWhole }: Step & { kind: 'range' }): View[] {
  if (isWhole) return [];
  if (length === 0) return [stride(axis, 0, 0, 1)];
  if (step > 0) return [stride(axis, first, first + (length - 1) * step + 1, step)];
  return [stride(axis, first + (length - 1) * step, first + 1, -step), reversed(axis)];
}

function reversed(axis: number): View {
  const flip = (x: Tensor): Tensor => ops.flip(x, [axis]);
  return { take: flip, put: (_base, part) => flip(part) };
}

function stride(axis: number, start: number, stop: number, step: number): View {
  return {
    take: (base) => ops.slice(base, axis, start, stop, step),
    put: (base, part) => ops.sliceScatter(base, part, axis, start, stop, step),
  };
}
