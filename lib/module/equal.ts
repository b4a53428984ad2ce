import { isComplex } from '../base/complex';
import { isInexactDType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import { all, allclose, equal, isclose, logicalAnd, eq, scalarTensor } from '../ops';
import { flatten, isPlainObject } from '../tree';
import { Tensor } from '../tensor/tensor';

export interface EqualOptions {
  /** Whether other leaves must also be of the same type: without it 1, 1n and true are equal. */
  readonly typematch?: boolean;
  /** Relative and absolute tolerance for inexact tensors: |a - b| <= atol + rtol * |b|; 0 unless given. */
  readonly rtol?: number;
  readonly atol?: number;
}

type EqualArguments = readonly [first: unknown, second: unknown, ...rest: unknown[]];

/**
 * Whether trees are equal: the same structure with equal static values, tensors of the same shape, dtype and
 * elements, and other leaves that are equal. NaN differs from itself in tensors and numbers.
 *
 * @param trees  Two or more trees; each is compared with the first. A last argument that is an object with nothing
 *   but `typematch`, `rtol` or `atol` is `EqualOptions`.
 * @returns A boolean, so the tensors must be concrete; `treeEqualTraced` works inside compiled functions.
 * @throws ERR_ARGUMENT for fewer than two trees; ERR_CONCRETISATION for traced or batched tensors.
 * @example
 * treeEqual(model, loaded, { atol: 1e-6 });
 * @see equinox.tree_equal. Difference: always a boolean.
 */
export function treeEqual(...trees: EqualArguments): boolean {
  const pairs = tensorPairs('treeEqual', trees);
  if (pairs === undefined) return false;
  const { rtol, atol } = pairs;
  return pairs.list.every(([a, b]) =>
    isExact(a, rtol, atol) ? equal(a, b) : allclose(b, a, { rtol, atol }),
  );
}

/**
 * As `treeEqual`, as a tensor: for use inside compiled functions.
 *
 * @returns bool[]. A constant where the trees differ in more than the elements of their tensors.
 * @throws ERR_ARGUMENT for fewer than two trees.
 * @see equinox.tree_equal.
 */
export function treeEqualTraced(...trees: EqualArguments): Tensor {
  const pairs = tensorPairs('treeEqualTraced', trees);
  if (pairs === undefined) return scalarTensor(false, { dtype: 'bool' });
  const { rtol, atol } = pairs;
  let result: Tensor | undefined;
  for (const [a, b] of pairs.list) {
    const same = all(isExact(a, rtol, atol) ? eq(a, b) : isclose(b, a, { rtol, atol }));
    result = result === undefined ? same : logicalAnd(result, same);
  }
  return result ?? scalarTensor(true, { dtype: 'bool' });
}

interface Pairs {
  readonly list: readonly (readonly [Tensor, Tensor])[];
  readonly rtol: number;
  readonly atol: number;
}

/** The tensors that remain to be compared; undefined if the trees differ in anything else. */
function tensorPairs(op: string, args: readonly unknown[]): Pairs | undefined {
  const last = args.at(-1);
  const hasOptions = isEqualOptions(last);
  const { typematch = false, rtol = 0, atol = 0 } = hasOptions ? last : {};
  const [first, ...others] = hasOptions ? args.slice(0, -1) : args;
  if (others.length === 0) {
    throw new ArgumentError(`${op}: expected two or more trees, got ${args.length - Number(hasOptions)}.`, {
      op,
    });
  }
  const [leaves, structure] = flatten(first);
  const list: (readonly [Tensor, Tensor])[] = [];
  for (const other of others) {
    const [otherLeaves, otherStructure] = flatten(other);
    if (!structure.equals(otherStructure)) return undefined;
    for (let i = 0; i < leaves.length; i++) {
      const a = leaves[i];
      const b = otherLeaves[i];
      if (a instanceof Tensor && b instanceof Tensor) {
        if (a.dtype !== b.dtype || !sameShape(a.shape, b.shape)) return undefined;
        list.push([a, b]);
      } else if (!sameLeaf(a, b, typematch)) {
        return undefined;
      }
    }
  }
  return { list, rtol, atol };
}

function isEqualOptions(value: unknown): value is EqualOptions {
  if (!isPlainObject(value)) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => key === 'typematch' || key === 'rtol' || key === 'atol');
}

function isExact(tensor: Tensor, rtol: number, atol: number): boolean {
  return (rtol === 0 && atol === 0) || !isInexactDType(tensor.dtype);
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((length, i) => length === b[i]);
}

function sameLeaf(a: unknown, b: unknown, typematch: boolean): boolean {
  if (a === b) return true;
  if (isNumeric(a) && isNumeric(b)) return !typematch && a == b;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (isComplex(a) && isComplex(b)) return a.re === b.re && a.im === b.im;
  return isTypedArray(a) && isTypedArray(b) && sameElements(a, b);
}

function isNumeric(value: unknown): value is number | bigint | boolean {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
}

type Elements = ArrayLike<number | bigint>;

function isTypedArray(value: unknown): value is Elements & object {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function sameElements(a: Elements & object, b: Elements & object): boolean {
  if (a.constructor !== b.constructor || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
