import { ArgumentError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { argmax, to, topk } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { requireAxis, requireBroadcast, requireFloating, requireParameter, requireShape } from './arguments';
import { drawGumbel, type GumbelMode } from './gumbel';
import { requireKey, type Key } from './key';

export interface CategoricalOptions {
  /** The axis whose elements are the categories; the last one unless given. */
  readonly axis?: number | undefined;
  /** The shape of the result, whose last axes are those of `logits` without the categories (the default). */
  readonly shape?: readonly number[] | undefined;
  /** Whether one category may come up again; true unless given. */
  readonly replace?: boolean | undefined;
  /** How finely rare categories are resolved, as for `gumbel`; 'low' unless given. */
  readonly mode?: GumbelMode | undefined;
}

/**
 * Draws categories with the probabilities softmax(logits).
 *
 * @param key  uint32[2].
 * @param logits  float[...], with at least one axis.
 * @returns int32[...shape].
 * @throws ERR_DTYPE unless the logits are real floating point; ERR_SHAPE if the shapes do not fit; ERR_ARGUMENT for an
 *   axis that is not there, or more draws than categories without replacement; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if
 *   `key` is no single key.
 * @see jax.random.categorical: the largest logit after adding Gumbel noise.
 */
export function categorical(key: Key, logits: Tensor, options: CategoricalOptions = {}): Tensor {
  const op = 'random.categorical';
  requireOptions(options, ['axis', 'shape', 'replace', 'mode'], op);
  requireKey(key, op);
  requireParameter('logits', logits, op);
  requireFloating(logits.dtype, op);
  if (logits.ndim === 0) {
    throw new ShapeError(`${op}: expected logits with at least one axis, got a scalar.`, { op });
  }
  const axis = requireAxis(options.axis ?? -1, logits.ndim, op);
  const batch = logits.shape.filter((_size, i) => i !== axis);
  const shape = options.shape ?? batch;
  requireShape(shape, op, key, 4);
  requireBroadcast('logits', batch, shape, op);
  const prefix = shape.slice(0, shape.length - batch.length);
  if (options.replace === false) return withoutReplacement(key, logits, axis, prefix, batch, options.mode);

  const noiseShape: number[] = [...shape];
  noiseShape.splice(prefix.length + axis, 0, logits.shape[axis] ?? 0);
  const noise = drawGumbel(key, noiseShape, logits.dtype, options.mode, op);
  return to(argmax(noise.add(logits), axis - logits.ndim), 'int32');
}

function withoutReplacement(
  key: Key,
  logits: Tensor,
  axis: number,
  prefix: readonly number[],
  batch: readonly number[],
  mode: GumbelMode | undefined,
): Tensor {
  const op = 'random.categorical';
  const count = prefix.reduce((product, size) => product * size, 1);
  const categories = logits.shape[axis] ?? 0;
  if (count > categories) {
    throw new ArgumentError(
      `${op}: expected at most ${categories} draws, the number of categories, without replacement, got ${count}.`,
      { op },
    );
  }
  const noisy = drawGumbel(key, logits.shape, logits.dtype, mode, op).add(logits);
  const [, chosen] = topk(noisy.movedim(axis, 0), count, 0);
  return to(chosen, 'int32').reshape([...prefix, ...batch]);
}
