import { ArgumentError } from '../base/errors';
import { tensor } from '../tensor/create';
import type { Tensor } from '../tensor/tensor';
import type { Pads } from './arguments';

/** What stands in the padding: zeros, or values of the input. */
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular';

/** Padding that depends on the input: to its own size divided by the stride, rounded up, or none. */
export type AutoPadding = 'same' | 'same_lower' | 'valid';

const modes: readonly string[] = ['zeros', 'reflect', 'replicate', 'circular'];

/** @throws ERR_ARGUMENT unless it is one of the modes, in any case. */
export function parsePaddingMode(value: string, layer: string): PaddingMode {
  const mode = typeof value === 'string' ? value.toLowerCase() : '';
  if (modes.includes(mode)) return mode as PaddingMode;
  throw new ArgumentError(
    `${layer}: expected paddingMode to be one of ${modes.join(', ')}, got ${JSON.stringify(value)}.`,
    { op: layer },
  );
}

/** How a window goes along one axis. */
export interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
}

/** The padding of one axis that a word stands for. See jax.lax.padtype_to_pads. */
export function autoPads(padding: AutoPadding, length: number, window: Window): Pads {
  if (padding === 'valid') return [0, 0];
  const { kernel, stride, dilation } = window;
  const outputs = Math.ceil(length / stride);
  const total = Math.max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - length, 0);
  const less = Math.floor(total / 2);
  return padding === 'same' ? [less, total - less] : [total - less, less];
}

/**
 * Pads the axes after the first one; negative padding crops.
 *
 * @param x  dtype[channels, ...spatial].
 * @param value  What stands in the padding.
 */
export function padConstant(x: Tensor, pads: readonly Pads[], value: number): Tensor {
  if (pads.every(([before, after]) => before === 0 && after === 0)) return x;
  // libtorch wants the last axis first.
  return x.constantPadNd([...pads].reverse().flat(), value);
}

/** Pads the axes after the first one with values of the input, over any distance. */
export function padWithin(x: Tensor, pads: readonly Pads[], mode: Exclude<PaddingMode, 'zeros'>): Tensor {
  let padded = x;
  pads.forEach(([before, after], i) => {
    if (before === 0 && after === 0) return;
    const length = x.shape[i + 1] ?? 0;
    const positions = new Int32Array(before + length + after);
    for (let at = 0; at < positions.length; at++) positions[at] = source(at - before, length, mode);
    padded = padded.indexSelect(i + 1, tensor(positions, { device: x.device }));
  });
  return padded;
}

/** The position in the input whose value stands at a position that may lie outside of it. */
function source(at: number, length: number, mode: Exclude<PaddingMode, 'zeros'>): number {
  switch (mode) {
    case 'replicate':
      return Math.min(Math.max(at, 0), length - 1);
    case 'circular':
      return modulo(at, length);
    case 'reflect': {
      if (length === 1) return 0;
      const phase = modulo(at, 2 * (length - 1));
      return phase < length ? phase : 2 * (length - 1) - phase;
    }
  }
}

function modulo(a: number, b: number): number {
  return ((a % b) + b) % b;
}
