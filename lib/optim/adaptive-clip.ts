import { ShapeError, ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { tensordot } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { requireNumber, requireNumbers, requireParams, stateless, type GradientTransformation } from './base';
import { isComplex, kept, type Scalar } from './scalar';
import { Updates } from './updates';

export interface AdaptiveClipOptions {
  /** The least norm of a unit of parameters that counts; 1e-3 unless given. */
  readonly eps?: Scalar | undefined;
  /** The axes of a unit; unless given, all of a vector, the first of a matrix, all but the last of a kernel. */
  readonly axis?: number | readonly number[] | undefined;
}

/**
 * Limits the norm of each unit of the updates to a part of the norm of its parameters.
 *
 * @param clipping  That part.
 * @throws ERR_ARGUMENT unless that is a number from 0 on, and, in `update`, if it gets no parameters; ERR_SHAPE for a tensor of more than five axes.
 * @see optax.adaptive_grad_clip; Brock et al. 2021, arXiv:2102.06171.
 */
export function adaptiveGradClip(
  clipping: Scalar,
  options: AdaptiveClipOptions = {},
): GradientTransformation {
  const op = 'optim.adaptiveGradClip';
  requireOptions(options, ['eps', 'axis'], op);
  const { eps = 1e-3, axis } = options;
  requireNumbers({ eps }, op);
  requireNumber('clipping', clipping, op, { atLeast: 0 });
  return stateless((updates, params) =>
    new Updates(updates, op).map(
      (update, param) => {
        const norm = unitwiseNorm(update, axis);
        const paramNorm = unitwiseNorm(param, axis);
        const least =
          typeof eps === 'number' ? paramNorm.clampMin(eps) : paramNorm.maximum(kept(eps, paramNorm.dtype));
        return unitwiseClip(norm, least.mul(clipping), update);
      },
      { params: requireParams(params, op) },
    ),
  );
}

/**
 * The norm of the unit of each element: of a vector, of a column of a matrix, of one output of a kernel.
 *
 * @param axis  The axes of a unit; chosen by the number of axes unless given.
 * @returns A tensor of the shape of `x`.
 * @throws ERR_SHAPE for a tensor of more than five axes.
 * @see optax.transforms.unitwise_norm.
 */
export function unitwiseNorm(x: Tensor, axis?: number | readonly number[]): Tensor {
  const square = (isComplex(x) ? x.abs() : x).square();
  const axes = axis === undefined ? unitAxes(x) : typeof axis === 'number' ? [axis] : axis;
  return (axes.length === 0 ? square : square.sum(axes, true)).sqrt().expand(x.shape);
}

function unitAxes({ shape, ndim }: Tensor): readonly number[] {
  const all = shape.map((_size, i) => i);
  if (shape.filter((size) => size !== 1).length <= 1) return all;
  if (ndim <= 3) return [0];
  if (ndim <= 5) return all.slice(0, -1);
  throw new ShapeError(
    `optim.unitwiseNorm: expected at most five axes, got the shape [${shape.join()}]. Name the axes.`,
  );
}

/**
 * Scales gradients down where the norm of their unit is not below a limit.
 *
 * @param norm  That norm, for each element.
 * @param maxNorm  The limit, for each element.
 * @param divEps  The least norm to divide by; 1e-6 unless given.
 * @see optax.transforms.unitwise_clip.
 */
export function unitwiseClip(norm: Tensor, maxNorm: Tensor, gradient: Tensor, divEps = 1e-6): Tensor {
  const clipped = gradient.mul(kept(maxNorm.div(norm.clampMin(divEps)), gradient.dtype));
  return norm.lt(maxNorm).where(gradient, clipped);
}

/**
 * Limits the global norm of each example's gradients and adds them up.
 *
 * @param grads  A tree of tensors whose first axis is the examples.
 * @param l2NormClip  The largest norm that is left as it is.
 * @returns The sums, and how many examples were clipped: int64[].
 * @throws ERR_ARGUMENT if there is no gradient; ERR_SHAPE unless all have the same first axis.
 * @see optax.per_example_global_norm_clip.
 */
export function perExampleGlobalNormClip<T>(
  grads: T,
  l2NormClip: Scalar,
): readonly [sum: T, numClipped: Tensor] {
  const op = 'optim.perExampleGlobalNormClip';
  requireNumber('l2NormClip', l2NormClip, op, { atLeast: 0 });
  const all = new Updates(grads, op);
  requireExamples(all.tensors, op);
  const squares = all.tensors.map((t) => t.reshape([t.shape[0]!, -1]).square().sum(1));
  const norm = squares.reduce((total, square) => total.add(square)).sqrt();
  const factor = norm.reciprocal().mul(l2NormClip).clampMax(1).nanToNum(1);
  return [
    all.map((gradient) => tensordot(kept(factor, gradient.dtype), gradient, [0], [0])),
    factor.lt(1).sum(),
  ];
}

/**
 * As `perExampleGlobalNormClip`, each tensor by its own norm.
 *
 * @param globalL2NormClip  The limit that all tensors share.
 * @param options  `uniform`: whether each has the same share, or one by its size; true unless given.
 * @returns The sums, and a tree of how many examples were clipped.
 * @throws as `perExampleGlobalNormClip`.
 * @see optax.per_example_layer_norm_clip.
 */
export function perExampleLayerNormClip<T>(
  grads: T,
  globalL2NormClip: number,
  options: { readonly uniform?: boolean | undefined } = {},
): readonly [sum: T, numClipped: T] {
  const op = 'optim.perExampleLayerNormClip';
  requireOptions(options, ['uniform'], op);
  requireNumber('globalL2NormClip', globalL2NormClip, op, { atLeast: 0 });
  const all = new Updates(grads, op);
  requireExamples(all.tensors, op);
  const sizes = all.tensors.map((t) => t.size / t.shape[0]!);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const clipped = all.tensors.map((gradient, i) => {
    const share = options.uniform === false ? sizes[i]! / total : 1 / sizes.length;
    return perExampleGlobalNormClip(gradient, globalL2NormClip * Math.sqrt(share));
  });
  return [all.withTensors(clipped.map(([sum]) => sum)), all.withTensors(clipped.map(([, count]) => count))];
}

function requireExamples(tensors: readonly Tensor[], op: string): void {
  const [first] = tensors;
  if (first === undefined)
    throw new ArgumentError(`${op}: expected at least one gradient, got none.`, { op });
  const wrong = tensors.find((t) => t.ndim === 0 || t.shape[0] !== first.shape[0]);
  if (wrong === undefined && first.shape[0] !== 0) return;
  throw new ShapeError(
    `${op}: expected gradients whose first axis is the examples, got the shapes ${tensors.map((t) => `[${t.shape.join()}]`).join(', ')}.`,
    { op },
  );
}
