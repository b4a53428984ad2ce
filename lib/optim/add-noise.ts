import { ArgumentError } from '../base/errors';
import { pow, to } from '../ops';
import { key as keyOf, normal, split, type Key } from '../random';
import { Tensor } from '../tensor/tensor';
import { describe } from '../tree';
import { requireNumbers, requireState, type GradientTransformation } from './base';
import { inDType, kept, type Scalar } from './scalar';
import { countFor, deviceOf, increment, Updates } from './updates';

/**
 * Adds normally distributed noise of the variance eta / count^gamma to the updates.
 *
 * The state is `{ count, rngKey }`.
 *
 * @param eta  The variance in the first step.
 * @param gamma  How fast it decays.
 * @param key  A key, or the seed of one.
 * @throws ERR_ARGUMENT without a key.
 * @see optax.add_noise; Neelakantan et al. 2015, arXiv:1511.06807. The same key gives the same noise.
 */
export function addNoise(eta: Scalar, gamma: Scalar, key: number | bigint | Key): GradientTransformation {
  const op = 'optim.addNoise';
  requireNumbers({ eta, gamma }, op);
  if (!(typeof key === 'number' || typeof key === 'bigint' || key instanceof Tensor)) {
    throw new ArgumentError(
      `${op}: expected a key or a seed, got ${describe(key)}. Make one with random.key(seed).`,
      {
        op,
      },
    );
  }
  const first = key instanceof Tensor && key.dtype === 'uint32' ? key : keyOf(key);
  return {
    init: (params) => ({ count: countFor(params), rngKey: first.to(deviceOf(params)) }),
    update(updates, state) {
      const { count: before, rngKey } = requireState(state, ['count', 'rngKey'], op);
      const count = increment(before as Tensor);
      const variance = pow(to(count, 'float32'), gamma as number)
        .reciprocal()
        .mul(eta);
      const deviation = kept(variance, 'float32').sqrt();
      const keys = split(rngKey as Key);
      const all = new Updates(updates, op);
      const { tensors } = all;
      const each = split(keys.select(0, 1), tensors.length);
      const noisy = tensors.map((update, i) => {
        const noise = normal(each.select(0, i), update.shape, { dtype: update.dtype });
        return update.add(noise.mul(inDType(deviation, update)));
      });
      return [all.withTensors(noisy), { count, rngKey: keys.select(0, 0) }];
    },
  };
}
