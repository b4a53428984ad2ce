import { dtypeInfo } from '../base/dtype';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors';
import { handleOf, Tensor } from '../tensor/tensor';
import { describe } from './mismatch';

/** A range of an axis, as made by `slice`; `null` stands for the end that the step's direction implies. */
export class Slice {
  readonly start: number | null;
  readonly stop: number | null;
  readonly step: number;

  constructor(start: number | null, stop: number | null, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }
}

/**
 * A range of an axis for `x.index` and `x.at`.
 *
 * @param start  the first index; negative ones count from the end; null for the beginning.
 * @param stop   the index before which to end; null for the end.
 * @param step   the distance between indices; negative steps run backwards.
 * @throws ERR_ARGUMENT if a bound is no integer, or the step is 0.
 * @example x.index(slice(1, null, 2)) // the odd rows, the same as x.index('1::2')
 * @see Python's `slice`, except that one argument alone is the start, as in JavaScript's `Array.slice`.
 */
export function slice(
  start: number | null = null,
  stop: number | null = null,
  step: number | null = null,
): Slice {
  for (const bound of [start, stop, step]) {
    if (bound !== null && !Number.isSafeInteger(bound))
      throw new ArgumentError(`slice: expected integers or null, got ${describe(bound)}.`, { op: 'slice' });
  }
  if (step === 0) throw new ArgumentError('slice: expected a step other than 0, got 0.', { op: 'slice' });
  return new Slice(start, stop, step ?? 1);
}

/**
 * One index of `x.index` and `x.at`: a position, a range (`slice(1, 3)` or `'1:3'`), `'...'` for as many whole axes as
 * fit, `null` for a new axis of size 1, or a tensor of integers or booleans.
 */
export type IndexSpec = number | string | Slice | Tensor | null;

/** An index with its bounds settled against the axis it is for. */
export type Step =
  | { readonly kind: 'select'; readonly index: number }
  | {
      readonly kind: 'range';
      readonly first: number;
      readonly length: number;
      readonly step: number;
      readonly isWhole: boolean;
    }
  | { readonly kind: 'new' }
  | { readonly kind: 'tensor'; readonly tensor: Tensor; readonly isMask: boolean };

/**
 * Settles indices against a shape.
 *
 * @param op  the public name for messages.
 * @returns one step for each index, `'...'` replaced by whole ranges, and whole ranges at the end left out.
 * @throws ERR_ARGUMENT for too many indices, an index out of range, or a value that is no index.
 * @throws ERR_SHAPE if a mask's shape differs from that of the axes it is for.
 * @throws ERR_DTYPE if a tensor holds neither integers nor booleans.
 * @throws ERR_DISPOSED if `x` or a tensor among the indices is gone.
 */
export function resolveIndex(x: Tensor, specs: readonly IndexSpec[], op: string): Step[] {
  for (const used of [x, ...specs]) if (used instanceof Tensor) handleOf(used, op);
  const { shape } = x;
  const parsed = specs.map((spec) => (typeof spec === 'string' ? parseRange(spec, op) : spec));
  const taken = parsed.reduce((sum: number, spec) => sum + axisCount(spec), 0);
  const ellipses = parsed.filter((spec) => spec === '...').length;
  if (ellipses > 1) throw new ArgumentError(`${op}: expected '...' once, got it ${ellipses} times.`, { op });
  if (taken > shape.length) {
    throw new ArgumentError(
      `${op}: expected at most ${shape.length} indices for ${describe(x)}, got ${taken}.`,
      { op },
    );
  }

  const steps: Step[] = [];
  let axis = 0;
  for (const spec of parsed) {
    if (spec === '...') {
      for (const end = axis + shape.length - taken; axis < end; axis++)
        steps.push(rangeOf(whole, shape[axis] ?? 0));
    } else {
      steps.push(resolveOne(x, axis, spec, op));
      axis += axisCount(spec);
    }
  }
  return steps;
}

const whole = new Slice(null, null, 1);

function parseRange(text: string, op: string): Slice | '...' {
  const trimmed = text.trim();
  if (trimmed === '...') return trimmed;
  const match = /^([+-]?\d+)?\s*:\s*([+-]?\d+)?\s*(?::\s*([+-]?\d+)?)?$/.exec(trimmed);
  if (match === null) {
    throw new ArgumentError(
      `${op}: expected a range such as '1:-1:2' or '...', got ${JSON.stringify(text)}.`,
      { op },
    );
  }
  const [start, stop, step] = match
    .slice(1)
    .map((part: string | undefined) => (part === undefined ? null : Number(part)));
  return slice(start, stop, step);
}

function axisCount(spec: Exclude<IndexSpec, string> | '...'): number {
  if (spec === null || spec === '...') return 0;
  return spec instanceof Tensor && spec.dtype === 'bool' ? spec.ndim : 1;
}

function resolveOne(x: Tensor, axis: number, spec: Exclude<IndexSpec, string>, op: string): Step {
  if (spec === null) return { kind: 'new' };
  const size = x.shape[axis] ?? 0;
  if (spec instanceof Slice) return rangeOf(spec, size);
  if (spec instanceof Tensor) return tensorStep(x, axis, spec, op);
  if (typeof spec === 'number' && Number.isInteger(spec)) {
    if (spec >= -size && spec < size) return { kind: 'select', index: spec < 0 ? spec + size : spec };
    const range = size === 0 ? 'no index' : `an index from ${-size} to ${size - 1}`;
    throw new ArgumentError(`${op}: expected ${range} for axis ${axis} of size ${size}, got ${spec}.`, {
      op,
    });
  }
  throw new ArgumentError(
    `${op}: expected an integer, a slice, a range string, null or a tensor for axis ${axis}, got ${describe(spec)}.`,
    { op },
  );
}

function rangeOf({ start, stop, step }: Slice, size: number): Step {
  const lowest = step > 0 ? 0 : -1;
  const highest = step > 0 ? size : size - 1;
  const clamp = (bound: number): number =>
    Math.min(Math.max(bound < 0 ? bound + size : bound, lowest), highest);
  const first = start === null ? (step > 0 ? 0 : size - 1) : clamp(start);
  const end = stop === null ? (step > 0 ? size : -1) : clamp(stop);
  const length = Math.max(0, Math.ceil((end - first) / step));
  return { kind: 'range', first, length, step, isWhole: step === 1 && length === size };
}

function tensorStep(x: Tensor, axis: number, tensor: Tensor, op: string): Step {
  const { kind } = dtypeInfo(tensor.dtype);
  if (kind === 'bool') {
    const covered = x.shape.slice(axis, axis + tensor.ndim);
    if (tensor.shape.some((size, i) => size !== covered[i])) {
      throw new ShapeError(
        `${op}: expected a mask of shape [${covered.join(',')}] for axis ${axis} of ${describe(x)}, got ${describe(tensor)}.`,
        { op },
      );
    }
  } else if (kind !== 'int' && kind !== 'uint') {
    throw new DtypeError(
      `${op}: expected integers or booleans to index axis ${axis}, got ${describe(tensor)}. Convert it first: index.to('int64').`,
      { op },
    );
  }
  return { kind: 'tensor', tensor, isMask: kind === 'bool' };
}
