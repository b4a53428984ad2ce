import { real, zeros } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { conjugate, isComplex } from './scalar';

/** The real part of the inner product of two lists of tensors, no axes. */
export function innerProduct(a: readonly Tensor[], b: readonly Tensor[]): Tensor {
  const parts = a.map((one, i) => {
    const product = conjugate(one).mul(b[i]!).sum();
    return isComplex(product) ? real(product) : product;
  });
  const [first, ...others] = parts;
  return first === undefined ? zeros([]) : others.reduce((total, part) => total.add(part), first);
}

/** a + b · factor, tensor by tensor. */
export function addScaledAll(a: readonly Tensor[], b: readonly Tensor[], factor: Tensor): Tensor[] {
  return a.map((one, i) => one.add(b[i]!.mul(factor.to(one.dtype))));
}
