import { isComplex, type Complex } from '../base/complex';
import { isInexactDType } from '../base/dtype';
import { Tensor } from '../tensor/tensor';

/** What operators take where a tensor may stand. */
export type ArrayLike = Tensor | number | bigint | boolean | Complex;

/**
 * Whether `x` is a tensor, concrete or traced.
 *
 * @see equinox.is_array.
 */
export function isArray(x: unknown): x is Tensor {
  return x instanceof Tensor;
}

/**
 * Whether `x` is a tensor, a number, a bigint, a boolean or a complex number.
 *
 * @see equinox.is_array_like.
 */
export function isArrayLike(x: unknown): x is ArrayLike {
  const type = typeof x;
  return type === 'number' || type === 'boolean' || type === 'bigint' || isArray(x) || isComplex(x);
}

/**
 * Whether `x` is a tensor of floating-point or complex dtype: what gradients exist for.
 *
 * @see equinox.is_inexact_array.
 */
export function isInexactArray(x: unknown): x is Tensor {
  return isArray(x) && isInexactDType(x.dtype);
}

/**
 * Whether `x` is an inexact tensor, a number or a complex number.
 *
 * @see equinox.is_inexact_array_like. Difference: JavaScript cannot tell 1 from 1.0, so every number is inexact.
 */
export function isInexactArrayLike(x: unknown): x is Tensor | number | Complex {
  return typeof x === 'number' || isInexactArray(x) || isComplex(x);
}
