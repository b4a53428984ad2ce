import { zeros } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { requireNumber, stateless, type GradientTransformation } from './base';
import { atLeast, atMost, inDType, negative, rootMeanSquare, sumOfSquares, type Scalar } from './scalar';
import { Updates } from './updates';

/**
 * Limits every element of the updates to [-maxDelta, maxDelta].
 *
 * @throws ERR_ARGUMENT unless that is a number from 0 on, or a tensor of no axes.
 * @see optax.clip.
 */
export function clip(maxDelta: Scalar): GradientTransformation {
  requireNumber('maxDelta', maxDelta, 'optim.clip', { atLeast: 0 });
  return stateless((updates) =>
    new Updates(updates, 'optim.clip').map((update) => atMost(atLeast(update, negative(maxDelta)), maxDelta)),
  );
}

/**
 * Scales all updates down together where their global norm exceeds a limit.
 *
 * @param maxNorm  The largest norm that is left as it is.
 * @throws ERR_ARGUMENT unless that is a number from 0 on, or a tensor of no axes.
 * @see optax.clip_by_global_norm; Pascanu et al. 2012, arXiv:1211.5063.
 */
export function clipByGlobalNorm(maxNorm: Scalar): GradientTransformation {
  requireNumber('maxNorm', maxNorm, 'optim.clipByGlobalNorm', { atLeast: 0 });
  return stateless((updates) => {
    const all = new Updates(updates, 'optim.clipByGlobalNorm');
    const norm = normOf(all.tensors);
    // Not the minimum of 1 and the ratio: a norm of NaN must make NaN, as in Optax.
    const factor = norm.reciprocal().mul(maxNorm).maskedFill(norm.lt(maxNorm), 1);
    return all.map((update) => update.mul(inDType(factor, update)));
  });
}

/**
 * The root of the sum of all squares in a tree of tensors.
 *
 * @returns float[].
 * @throws ERR_ARGUMENT, with the path, for a leaf that is no tensor.
 * @see optax.global_norm.
 */
export function globalNorm(t: unknown): Tensor {
  return normOf(new Updates(t, 'optim.globalNorm', { allowsIntegers: true }).tensors);
}

function normOf(tensors: readonly Tensor[]): Tensor {
  const [first, ...others] = tensors.map(sumOfSquares);
  return first === undefined ? zeros([]) : others.reduce((total, sum) => total.add(sum), first).sqrt();
}

/**
 * Scales each tensor of the updates down where its root mean square exceeds a threshold.
 *
 * @throws ERR_ARGUMENT unless that is a number from 0 on, or a tensor of no axes.
 * @see optax.clip_by_block_rms.
 */
export function clipByBlockRms(threshold: Scalar): GradientTransformation {
  requireNumber('threshold', threshold, 'optim.clipByBlockRms', { atLeast: 0 });
  return stateless((updates) =>
    new Updates(updates, 'optim.clipByBlockRms').map((update) =>
      update.div(inDType(rootMeanSquare(update).div(threshold).clampMin(1), update)),
    ),
  );
}
