/**
 * Ways to draw parameters, as `jax.nn.initializers` has them: each makes a function of a key and a shape.
 *
 * Equinox's layers keep weights as [out, in, ...], so pass `{ inAxis: 1, outAxis: 0 }` for them; the defaults are
 * JAX's, for weights [..., in, out].
 */
import type { DType } from '../base/dtype';
import { dtypeInfo } from '../base/dtype';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { full } from '../ops';
import * as random from '../random';
import type { Tensor } from '../tensor/tensor';
import { requireNonNegative } from './arguments';

/** Draws dtype[...shape], float32 unless given. */
export type Initializer = (
  key: random.Key,
  shape: readonly number[],
  options?: { readonly dtype?: DType | undefined },
) => Tensor;

/** Which axes of a weight are its input, its output, and neither. */
export interface FanOptions {
  /** The axes of the input; the one before the last unless given. */
  readonly inAxis?: number | readonly number[] | undefined;
  /** The axes of the output; the last one unless given. */
  readonly outAxis?: number | readonly number[] | undefined;
  /** Axes over which many weights stand side by side; none unless given. */
  readonly batchAxis?: number | readonly number[] | undefined;
}

/** All 0. See jax.nn.initializers.zeros. */
export const zeros: Initializer = filled(0, 'zeros');
/** All 1. See jax.nn.initializers.ones. */
export const ones: Initializer = filled(1, 'ones');

/** All the same. See jax.nn.initializers.constant. */
export function constant(value: number): Initializer {
  return filled(value, 'constant');
}

function filled(value: number, name: string): Initializer {
  return (_key, shape, options = {}) => full(shape, value, { dtype: dtypeOf(options, name, true) });
}

/** Uniform in [0, scale), 0.01 unless given. See jax.nn.initializers.uniform. */
export function uniform(scale = 0.01): Initializer {
  return (key, shape, options = {}) =>
    random.uniform(key, shape, { dtype: dtypeOf(options, 'uniform') }).mul(scale);
}

/** Normal with a standard deviation, 0.01 unless given. See jax.nn.initializers.normal. */
export function normal(stddev = 0.01): Initializer {
  return (key, shape, options = {}) =>
    random.normal(key, shape, { dtype: dtypeOf(options, 'normal', true) }).mul(stddev);
}

/**
 * Normal with a standard deviation (before cutting), cut to `lower` and `upper` standard deviations.
 *
 * @see jax.nn.initializers.truncated_normal.
 */
export function truncatedNormal(stddev = 0.01, lower = -2, upper = 2): Initializer {
  return (key, shape, options = {}) =>
    random
      .truncatedNormal(key, lower, upper, shape, { dtype: dtypeOf(options, 'truncatedNormal') })
      .mul(stddev);
}

/** What `varianceScaling` divides by: the number of inputs of a cell, of outputs, or their mean. */
export type FanMode = 'fan_in' | 'fan_out' | 'fan_avg';
/** What `varianceScaling` draws from. */
export type FanDistribution = 'normal' | 'uniform' | 'truncated_normal';

/** The standard deviation of the normal distribution cut to two standard deviations. */
const truncatedStddev = 0.87962566103423978;

/**
 * Numbers of variance scale / n, where n is the number that `mode` names.
 *
 * @throws ERR_ARGUMENT for an unknown mode, distribution or option, and for axes that are none; when drawing: ERR_SHAPE
 *   for fewer than two axes.
 * @see jax.nn.initializers.variance_scaling.
 */
export function varianceScaling(
  scale: number,
  mode: FanMode,
  distribution: FanDistribution,
  axes: FanOptions = {},
): Initializer {
  const op = 'nn.initializers.varianceScaling';
  requireNonNegative(scale, 'scale', op);
  requireWord(mode, ['fan_in', 'fan_out', 'fan_avg'], 'mode', op);
  requireWord(distribution, ['normal', 'uniform', 'truncated_normal'], 'distribution', op);
  requireOptions(axes, ['inAxis', 'outAxis', 'batchAxis'], op);
  return (key, shape, options = {}) => {
    const dtype = dtypeOf(options, 'varianceScaling');
    const [fanIn, fanOut] = fans(shape, axes, op);
    const divisor = mode === 'fan_in' ? fanIn : mode === 'fan_out' ? fanOut : (fanIn + fanOut) / 2;
    const stddev = Math.sqrt(scale / divisor);
    switch (distribution) {
      case 'normal':
        return random.normal(key, shape, { dtype }).mul(stddev);
      case 'uniform':
        return random.uniform(key, shape, { dtype, minval: -1, maxval: 1 }).mul(Math.sqrt(3) * stddev);
      case 'truncated_normal':
        return random.truncatedNormal(key, -2, 2, shape, { dtype }).mul(stddev / truncatedStddev);
    }
  };
}

/** Glorot's, uniform. See jax.nn.initializers.glorot_uniform. */
export function glorotUniform(axes: FanOptions = {}): Initializer {
  return varianceScaling(1, 'fan_avg', 'uniform', axes);
}

/** Glorot's, normal. See jax.nn.initializers.glorot_normal. */
export function glorotNormal(axes: FanOptions = {}): Initializer {
  return varianceScaling(1, 'fan_avg', 'truncated_normal', axes);
}

/** LeCun's, uniform. See jax.nn.initializers.lecun_uniform. */
export function lecunUniform(axes: FanOptions = {}): Initializer {
  return varianceScaling(1, 'fan_in', 'uniform', axes);
}

/** LeCun's, normal. See jax.nn.initializers.lecun_normal. */
export function lecunNormal(axes: FanOptions = {}): Initializer {
  return varianceScaling(1, 'fan_in', 'truncated_normal', axes);
}

/** He's, uniform: for relu. See jax.nn.initializers.he_uniform. */
export function heUniform(axes: FanOptions = {}): Initializer {
  return varianceScaling(2, 'fan_in', 'uniform', axes);
}

/** He's, normal: for relu. See jax.nn.initializers.he_normal. */
export function heNormal(axes: FanOptions = {}): Initializer {
  return varianceScaling(2, 'fan_in', 'truncated_normal', axes);
}

/** The inputs and outputs of one cell, times the cells of a kernel. */
function fans(
  shape: readonly number[],
  { inAxis = -2, outAxis = -1, batchAxis = [] }: FanOptions,
  op: string,
): readonly [fanIn: number, fanOut: number] {
  if (shape.length < 2) {
    throw new ShapeError(`${op}: expected a shape with at least two axes, got [${shape.join()}].`, { op });
  }
  const product = (axes: number | readonly number[]): number =>
    [axes].flat().reduce((size, axis) => {
      const found = shape.at(axis);
      if (found !== undefined && Number.isInteger(axis)) return size * found;
      throw new ArgumentError(`${op}: expected axes of the shape [${shape.join()}], got ${axis}.`, { op });
    }, 1);
  const [inputs, outputs, batch] = [product(inAxis), product(outAxis), product(batchAxis)];
  const cells = shape.reduce((size, length) => size * length, 1) / inputs / outputs / batch;
  return [inputs * cells, outputs * cells];
}

function dtypeOf(options: { readonly dtype?: DType | undefined }, name: string, mayBeComplex = false): DType {
  const op = `nn.initializers.${name}`;
  requireOptions(options, ['dtype'], op);
  const { dtype = 'float32' } = options;
  const { kind } = dtypeInfo(dtype, op);
  if (kind === 'float' || (mayBeComplex && kind === 'complex')) return dtype;
  throw new DtypeError(`${op}: expected a floating-point dtype, got ${dtype}.`, { op });
}

function requireWord(value: unknown, words: readonly string[], argument: string, op: string): void {
  if (words.includes(value as string)) return;
  throw new ArgumentError(
    `${op}: expected ${argument} to be one of ${words.join(', ')}, got ${JSON.stringify(value)}.`,
    { op },
  );
}
