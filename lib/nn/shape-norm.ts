import type { DType } from '../base/dtype';
import { requireOptions } from '../base/options';
import { ones, zeros } from '../ops';
import type { Tensor } from '../tensor/tensor';
import {
  requireFlag,
  requireNonNegative,
  requireParameterDType,
  requireSize,
  type ForwardOptions,
} from './arguments';

/** Options of `LayerNorm` and `RMSNorm`. */
export interface ShapeNormOptions {
  /** What is added to the variance, so that nothing is divided by 0; 1e-5 unless given. */
  readonly eps?: number | undefined;
  /** Whether the result is multiplied by a learnt weight; true unless given. */
  readonly useWeight?: boolean | undefined;
  /** Whether a learnt bias is added; true unless given. */
  readonly useBias?: boolean | undefined;
  /** The dtype of weight and bias; float32 unless given. */
  readonly dtype?: DType | undefined;
}

/** What a layer without state takes in the place of one that has state, and passes through. */
export type PassState<S> = ForwardOptions & { readonly state: S };
/** `forward` without a state. */
export type NoState = ForwardOptions & { readonly state?: undefined };

/** The result of a layer without state: with the given state beside it, if one was given. */
export function passState(y: Tensor, options: { readonly state?: unknown } | undefined): unknown {
  return options?.state === undefined ? y : [y, options.state];
}

/** The fields of a layer that normalises tensors of one shape. */
export interface ShapeNormFields {
  readonly shape: readonly number[];
  readonly eps: number;
  readonly useWeight: boolean;
  readonly useBias: boolean;
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
}

/** @throws ERR_ARGUMENT, ERR_DTYPE naming the layer. */
export function shapeNormFields(
  shape: number | readonly number[],
  options: ShapeNormOptions,
  layer: string,
): ShapeNormFields {
  requireOptions(options, ['eps', 'useWeight', 'useBias', 'dtype'], layer);
  const sizes = Array.isArray(shape) ? [...(shape as readonly number[])] : [shape as number];
  for (const size of sizes) requireSize(size, 'every size of shape', layer);
  const { eps = 1e-5, useWeight = true, useBias = true, dtype = 'float32' } = options;
  requireNonNegative(eps, 'eps', layer);
  requireFlag(useWeight, 'useWeight', layer);
  requireFlag(useBias, 'useBias', layer);
  requireParameterDType(dtype, layer);
  return {
    shape: sizes,
    eps,
    useWeight,
    useBias,
    weight: useWeight ? ones(sizes, { dtype }) : null,
    bias: useBias ? zeros(sizes, { dtype }) : null,
  };
}
