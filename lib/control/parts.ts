import { TransformError } from '../base/errors';
import { tensor } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import { describeValue } from '../transform/describe';
import { flattenUpTo, flattenWithPath, keystr, kindOf, sameStatic, unflatten, type Structure } from '../tree';

/**
 * A tree taken apart into its tensors and the rest, which control flow passes on as it is. Numbers and booleans are
 * tensors too, since they may change from step to step.
 */
export interface Parts {
  readonly structure: Structure;
  /** The leaves, with tensors for numbers. */
  readonly leaves: readonly unknown[];
  readonly paths: readonly string[];
  readonly tensors: readonly Tensor[];
}

/** Takes a tree apart. */
export function takeApart(value: unknown): Parts {
  const [entries, structure] = flattenWithPath(value);
  const leaves = entries.map(([, leaf]) => (isNumber(leaf) ? tensor(leaf) : leaf));
  return {
    structure,
    leaves,
    paths: entries.map(([path]) => keystr(path)),
    tensors: leaves.filter((leaf) => leaf instanceof Tensor),
  };
}

function isNumber(leaf: unknown): leaf is number | boolean | bigint {
  return typeof leaf === 'number' || typeof leaf === 'boolean' || typeof leaf === 'bigint';
}

/** The tree again, with other tensors in the places of its own. */
export function putTogether({ structure, leaves }: Parts, tensors: readonly Tensor[]): unknown {
  let next = 0;
  return unflatten(
    structure,
    leaves.map((leaf) => (leaf instanceof Tensor ? tensors[next++] : leaf)),
  );
}

/**
 * The tensors of a tree that must look like another: the same structure, shapes, dtypes and leaves that are no tensors.
 * A number stands for a tensor of the dtype that is expected, if that can hold it.
 *
 * @param what  what the tree is, for messages: `the carry`.
 * @param origin  where it is to be as, for messages: `as it began`.
 * @throws ERR_TRANSFORM that names the path of the first difference.
 */
export function tensorsLike(
  name: string,
  what: string,
  origin: string,
  expected: Parts,
  value: unknown,
): Tensor[] {
  const found = flattenUpTo(expected.structure, value, `${name}: ${what}`);
  const tensors: Tensor[] = [];
  expected.leaves.forEach((wanted, i) => {
    const given = found[i];
    const path = expected.paths[i] ?? '';
    if (wanted instanceof Tensor) {
      tensors.push(tensorLike(name, what, origin, wanted, given, path));
    } else if (kindOf(given) !== undefined || !sameStatic(wanted, given)) {
      throw difference(name, what, origin, describeValue(wanted), describeValue(given), path);
    }
  });
  return tensors;
}

function tensorLike(
  name: string,
  what: string,
  origin: string,
  wanted: Tensor,
  given: unknown,
  path: string,
): Tensor {
  if (isNumber(given) && wanted.ndim === 0 && holds(wanted, given))
    return tensor(given, { dtype: wanted.dtype });
  const isSame =
    given instanceof Tensor &&
    given.dtype === wanted.dtype &&
    given.shape.length === wanted.shape.length &&
    given.shape.every((size, axis) => size === wanted.shape[axis]);
  if (isSame) return given;
  throw difference(name, what, origin, describeValue(wanted), describeValue(given), path);
}

function holds(wanted: Tensor, given: number | boolean | bigint): boolean {
  if (typeof given === 'boolean') return wanted.dtype === 'bool';
  if (/^u?int/.test(wanted.dtype)) return typeof given === 'bigint' || Number.isInteger(given);
  return wanted.dtype !== 'bool';
}

function difference(
  name: string,
  what: string,
  origin: string,
  wanted: string,
  given: string,
  path: string,
): TransformError {
  return new TransformError(
    `${name}: expected ${what} to have the structure, shapes and dtypes that it has ${origin}: ` +
      `${wanted}, got ${given}${path === '' ? '' : ` at ${path}`}.`,
    { op: name },
  );
}
