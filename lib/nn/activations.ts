import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import * as ops from '../ops';
import type { Tensor } from '../tensor/tensor';
import { requireSize } from './arguments';

/**
 * Activations with the meanings and defaults of `jax.nn`. Each takes dtype[...] and returns dtype[...], elementwise
 * unless it says otherwise. Those without a note are libtorch's own.
 */
export { relu, relu6, sigmoid, tanh, softplus, silu, logSigmoid, mish } from '../ops';

/** @returns `x` itself. See jax.nn.identity. */
export function identity<T>(x: T): T {
  return x;
}

/**
 * The Gaussian error linear unit, x · Φ(x).
 *
 * @param options  `approximate`: by a tanh, true unless given, unlike `ops.gelu`.
 * @see jax.nn.gelu; arXiv:1606.08415.
 */
export function gelu(x: Tensor, options: { readonly approximate?: boolean | undefined } = {}): Tensor {
  requireOptions(options, ['approximate'], 'nn.gelu');
  return ops.gelu(x, { approximate: (options.approximate ?? true) ? 'tanh' : 'none' });
}

/** exp(x) / sum(exp(x)) along an axis, the last one unless given. See jax.nn.softmax. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return ops.softmax(x, axis);
}

/** log(softmax(x)) along an axis, the last one unless given. See jax.nn.log_softmax. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return ops.logSoftmax(x, axis);
}

/** x for x ≥ 0, and else x · negativeSlope, 0.01 unless given. See jax.nn.leaky_relu. */
export function leakyRelu(x: Tensor, negativeSlope = 0.01): Tensor {
  return ops.where(x.ge(0), x, x.mul(negativeSlope));
}

/** x for x > 0, and else alpha · (exp(x) − 1); alpha is 1 unless given. See jax.nn.elu. */
export function elu(x: Tensor, alpha = 1): Tensor {
  return ops.elu(x, alpha);
}

/** max(x, 0) + min(0, alpha · (exp(x / alpha) − 1)); alpha is 1 unless given. See jax.nn.celu. */
export function celu(x: Tensor, alpha = 1): Tensor {
  return ops.celu(x, alpha);
}

/** `elu` with the constants that keep mean and variance. See jax.nn.selu; arXiv:1706.02515. */
export function selu(x: Tensor): Tensor {
  return ops.selu(x);
}

/** The first half of an axis times the sigmoid of the second one; the last axis unless given. See jax.nn.glu. */
export function glu(x: Tensor, axis = -1): Tensor {
  return ops.glu(x, axis);
}

/** min(max(x, −1), 1). See jax.nn.hard_tanh. */
export function hardTanh(x: Tensor): Tensor {
  return ops.where(x.gt(1), 1, ops.where(x.lt(-1), -1, x));
}

/** relu6(x + 3) / 6. See jax.nn.hard_sigmoid. */
export function hardSigmoid(x: Tensor): Tensor {
  return ops.hardsigmoid(x);
}

/** x · hardSigmoid(x). See jax.nn.hard_silu. */
export function hardSilu(x: Tensor): Tensor {
  return ops.hardswish(x);
}

/** x / (1 + |x|). See jax.nn.soft_sign. */
export function softSign(x: Tensor): Tensor {
  return x.div(x.abs().add(1));
}

/** (x + sqrt(x² + b)) / 2; b is 4 unless given. See jax.nn.squareplus. */
export function squareplus(x: Tensor, b = 4): Tensor {
  return x.add(x.square().add(b).sqrt()).div(2);
}

/** Subtracts the mean and divides by the standard deviation along an axis, the last one unless given. See jax.nn.standardize. */
export function standardize(x: Tensor, axis = -1, epsilon = 1e-5): Tensor {
  const centred = x.sub(x.mean(axis, { keepdim: true }));
  return centred.mul(centred.square().mean(axis, { keepdim: true }).add(epsilon).rsqrt());
}

/**
 * 1 at the place that each index names, and 0 elsewhere; an index outside gives zeros.
 *
 * @param x  int[...].
 * @param numClasses  How many places there are.
 * @returns dtype[..., numClasses], float32 unless given.
 * @see jax.nn.one_hot.
 */
export function oneHot(
  x: Tensor,
  numClasses: number,
  options: { readonly dtype?: DType | undefined } = {},
): Tensor {
  requireOptions(options, ['dtype'], 'nn.oneHot');
  requireSize(numClasses, 'numClasses', 'nn.oneHot');
  const places = ops.arange(numClasses, { dtype: 'int64', device: x.device });
  return ops.to(x.unsqueeze(-1).eq(places), options.dtype ?? 'float32');
}
