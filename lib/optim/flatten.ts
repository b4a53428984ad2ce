import { cat, zeros } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { leaves } from '../tree';
import { isInexactArray } from '../filter';
import { requireTransformation, type GradientTransformation } from './base';
import { requireLive, Updates } from './updates';

/**
 * Gives an optimiser all parameters as one vector: fewer operators for models of many small tensors, and one norm where
 * the optimiser takes one for each tensor.
 *
 * @throws ERR_ARGUMENT if the argument is no transformation.
 * @see optax.flatten.
 */
export function flatten(inner: GradientTransformation): GradientTransformation {
  const op = 'optim.flatten';
  requireTransformation(inner, 'the argument', op);
  return {
    init(params) {
      requireLive(params);
      return inner.init(joined(leaves(params).filter(isInexactArray)));
    },
    update(updates, state, params, extra) {
      const all = new Updates(updates, op);
      const { tensors } = all;
      const own =
        params === undefined || params === null
          ? undefined
          : joined(
              new Updates(
                all.map((_update, param) => param, { params }),
                op,
              ).tensors,
            );
      const [changed, next] = inner.update(joined(tensors), state, own, extra);
      let start = 0;
      const parts = tensors.map(({ shape, size }) => {
        const part = changed.narrow(0, start, size).reshape(shape);
        start += size;
        return part;
      });
      return [all.withTensors(parts), next];
    },
  };
}

function joined(tensors: readonly Tensor[]): Tensor {
  return tensors.length === 0 ? zeros([0]) : cat(tensors.map((t) => t.reshape([-1])));
}
