import { fromBuffer, isArray, isInexactArray, ops, tree, type DType, type Tensor } from '../../lib';

/** An array of a fixture: dtype, shape, and base64 of its little-endian bytes; see scripts/fixtures/blob.py. */
export type Blob = readonly [dtype: string, shape: readonly number[], bytes: string];

export function tensorOf([dtype, shape, bytes]: Blob): Tensor {
  return fromBuffer(Buffer.from(bytes, 'base64'), shape, dtype as DType);
}

/** A tree with its tensors replaced, in order. */
export function withTensors<T>(t: T, tensors: readonly Tensor[]): T {
  const rest = [...tensors];
  const [leaves, structure] = tree.flatten(t);
  const filled = leaves.map((leaf) => (isArray(leaf) ? rest.shift() : leaf));
  expect(rest).toHaveLength(0);
  return tree.unflatten(structure, filled) as T;
}

/** The tensors of a tree, in order. */
export function tensorsOf(t: unknown): Tensor[] {
  return tree.leaves(t).filter(isArray);
}

/** The loss of every fixture: the sum of all floating-point results with weights; see blob.py's `weighted_sum`. */
export function weightedSum(t: unknown): Tensor {
  let total = ops.zeros([]);
  for (const leaf of tensorsOf(t)) {
    if (!isInexactArray(leaf) || leaf.dtype.startsWith('complex')) continue;
    const weights = ops.arange(leaf.size, { dtype: 'float32' }).mul(7).remainder(11).sub(5).div(4);
    total = total.add(leaf.to('float32').reshape([-1]).mul(weights).sum());
  }
  return total;
}

/**
 * Fails unless the tensors of a tree are those of a fixture: of the same dtypes and shapes, and no further apart than
 * `bound` times the largest number of each, or a tenth of the largest one of all; 0 asks for the same bits.
 */
export function expectBlobs(actual: unknown, expected: readonly Blob[], bound: number): void {
  const tensors = tensorsOf(actual);
  const outline = (list: readonly Tensor[]): string[] =>
    list.map(({ dtype, shape }) => `${dtype}[${shape.join()}]`);
  const wanted = expected.map(tensorOf);
  expect(outline(tensors)).toEqual(outline(wanted));
  // What cancels to almost nothing is noise of the size of the others.
  const overall = Math.max(0, ...wanted.map(largest));
  const differences = tensors.map((one, i) => difference(one, wanted[i]!, overall / 10));
  expect(differences.filter((one) => !(one <= bound))).toEqual([]);
}

/** The largest difference of two tensors, as a part of the largest number in the second one, or of `least`. */
export function difference(actual: Tensor, expected: Tensor, least = 0): number {
  const [a, b] = [numbersOf(actual), numbersOf(expected)];
  const scale = Math.max(least, largest(expected));
  let worst = 0;
  b.forEach((wanted, i) => {
    const got = a[i] ?? NaN;
    if (Object.is(got, wanted) || got === wanted) return;
    const distance = Math.abs(got - wanted);
    worst = Math.max(worst, Number.isFinite(distance) ? distance / (scale || 1) : Infinity);
  });
  return worst;
}

/** The largest absolute value of a finite number. */
function largest(x: Tensor): number {
  return numbersOf(x).reduce((most, one) => (Number.isFinite(one) ? Math.max(most, Math.abs(one)) : most), 0);
}

function numbersOf(x: Tensor): number[] {
  const real = x.dtype.startsWith('complex') ? ops.viewAsReal(x) : x;
  return Array.from(real.to('float64').toTypedArray() as Float64Array);
}
