import type { DType } from '../base/dtype';

/** The number next to -1 towards 0. */
export const aboveMinusOne: Partial<Record<DType, number>> = {
  float16: -1 + 2 ** -11,
  bfloat16: -1 + 2 ** -8,
  float32: -1 + 2 ** -24,
  float64: -1 + 2 ** -53,
};

/** The smallest normal number of a dtype. */
export const tiny: Partial<Record<DType, number>> = {
  float16: 2 ** -14,
  bfloat16: 2 ** -126,
  float32: 2 ** -126,
  float64: 2 ** -1022,
};

/** The distance of 1 to the next larger number of a dtype. */
export const epsilon: Partial<Record<DType, number>> = {
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
  float32: 2 ** -23,
  float64: 2 ** -52,
};
