import { where, zerosLike } from '../ops';
import { Tensor } from '../tensor/tensor';
import { map } from '../tree';
import { kept } from './scalar';

/** The first tree where a condition holds, else the second: tensor by tensor, each in the dtype of the second. */
export function selectTree<T>(condition: Tensor, first: unknown, second: T): T {
  const select = (other: unknown, one: unknown): unknown =>
    other instanceof Tensor && one instanceof Tensor && one !== other
      ? where(condition, kept(one, other.dtype), other)
      : other;
  return map<T, unknown>(select, second, first);
}

/** The tree where a condition holds, else zeros. */
export function zeroUnless<T>(condition: Tensor, t: T): T {
  return map<T, unknown>((leaf) => (leaf instanceof Tensor ? where(condition, leaf, 0) : leaf), t);
}

/** Zeros in the place of every tensor. */
export function zeroTree<T>(t: T): T {
  return map<T, unknown>((leaf) => (leaf instanceof Tensor ? zerosLike(leaf) : leaf), t);
}
