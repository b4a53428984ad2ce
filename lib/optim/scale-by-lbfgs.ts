import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { arange, zeros } from '../ops';
import type { Tensor } from '../tensor/tensor';
import {
  requireFlags,
  requireNumber,
  requireParams,
  requireState,
  type GradientTransformation,
} from './base';
import { addScaledAll, innerProduct } from './dot';
import { sumOfSquares } from './scalar';
import { countFor, deviceOf, increment, madeFor, Updates, zerosFor } from './updates';

export interface LbfgsMemoryOptions {
  /** How many steps are remembered; 10 unless given. */
  readonly memorySize?: number | undefined;
  /** Whether to begin with the curvature of the last step, and in the first step with a gradient of length 1; true unless given. */
  readonly scaleInitPrecond?: boolean | undefined;
}

/**
 * Multiplies updates by an estimate of the inverse Hessian, from the changes of parameters and gradients in past steps.
 *
 * The state is `{ count, params, updates, diffParamsMemory, diffUpdatesMemory, weightsMemory }`.
 *
 * @throws ERR_ARGUMENT unless the memory is an integer from 1 on, and, in `update`, if it gets no parameters or no
 *   updates; ERR_SHAPE for a state of another model or memory.
 * @see optax.scale_by_lbfgs; Nocedal and Wright, Numerical Optimization (2006), algorithms 7.4 and 7.5.
 */
export function scaleByLbfgs(options: LbfgsMemoryOptions = {}): GradientTransformation {
  const op = 'optim.scaleByLbfgs';
  requireOptions(options, ['memorySize', 'scaleInitPrecond'], op);
  const { memorySize = 10, scaleInitPrecond = true } = options;
  requireNumber('memorySize', memorySize, op, { atLeast: 1, isInteger: true });
  requireFlags({ scaleInitPrecond }, op);
  const memory = (params: unknown): unknown =>
    madeFor(params, ({ shape, dtype, device }) => zeros([memorySize, ...shape], { dtype, device }));
  const names = [
    'count',
    'params',
    'updates',
    'diffParamsMemory',
    'diffUpdatesMemory',
    'weightsMemory',
  ] as const;
  return {
    init: (params) => ({
      count: countFor(params),
      params: zerosFor(params),
      updates: zerosFor(params),
      diffParamsMemory: memory(params),
      diffUpdatesMemory: memory(params),
      weightsMemory: zeros([memorySize], { device: deviceOf(params) }),
    }),
    update(updates, state, params) {
      requireParams(params, op);
      const before = requireState(state, names, op);
      const count = before.count as Tensor;
      const hasPast = count.gt(0);
      const all = new Updates(updates, op);
      const { tensors } = all;
      if (tensors.length === 0) {
        throw new ArgumentError(`${op}: expected at least one update, got none.`, { op });
      }
      for (const name of ['diffParamsMemory', 'diffUpdatesMemory'] as const) {
        all.requireParts(name, before[name], ({ shape }) => [memorySize, ...shape]);
      }
      const own = all.map((_update, param) => param, { params });
      const lasts = { lastParams: before.params, lastUpdates: before.updates, params };
      const [diffParams, diffUpdates] = all
        .mapToSeveral(
          (update, lastParam, lastUpdate, param) =>
            [param.sub(lastParam), update.sub(lastUpdate)].map((t) => t.maskedFill(hasPast.logicalNot(), 0)),
          lasts,
        )
        .map((t) => new Updates(t, op).tensors) as [readonly Tensor[], readonly Tensor[]];
      const curvature = innerProduct(diffUpdates, diffParams);
      const weight = curvature.reciprocal().maskedFill(curvature.eq(0), 0);

      // The oldest step is forgotten: the place before the next one gets the last step.
      const places = arange(memorySize, { dtype: 'int32', device: count.device });
      const last = count.sub(1).remainder(memorySize);
      const isLast = places.eq(last);
      const remember = (kept: Tensor, value: Tensor): Tensor =>
        isLast.reshape([memorySize, ...value.shape.map(() => 1)]).where(value.unsqueeze(0), kept);
      const remembered = (t: unknown, values: readonly Tensor[]): Updates<unknown> => {
        const kept = new Updates(t, op);
        return new Updates(kept.withTensors(kept.tensors.map((one, i) => remember(one, values[i]!))), op);
      };
      const paramsMemory = remembered(before.diffParamsMemory, diffParams);
      const updatesMemory = remembered(before.diffUpdatesMemory, diffUpdates);
      const weights = remember(before.weightsMemory as Tensor, weight);

      // From the oldest step to the last.
      const order = count.add(places).remainder(memorySize);
      const ordered = (t: Tensor): Tensor[] => [...t.indexSelect(0, order)];
      const steps = paramsMemory.tensors.map(ordered);
      const changes = updatesMemory.tensors.map(ordered);
      const rhos = ordered(weights);
      const past = rhos.map((rho, i) => ({
        rho,
        step: steps.map((one) => one[i]!),
        change: changes.map((one) => one[i]!),
      }));

      const alphas: Tensor[] = [];
      let direction: readonly Tensor[] = tensors;
      for (const { rho, step, change } of [...past].reverse()) {
        const alpha = rho.mul(innerProduct(step, direction));
        direction = addScaledAll(direction, change, alpha.neg());
        alphas.unshift(alpha);
      }
      if (scaleInitPrecond) {
        const size = diffUpdates.map(sumOfSquares).reduce((total, part) => total.add(part));
        const length = tensors
          .map(sumOfSquares)
          .reduce((total, part) => total.add(part))
          .sqrt();
        const known = size.gt(0).where(curvature.div(size), size.mul(0).add(1));
        const factor = hasPast.where(known, length.reciprocal().clampMax(1));
        direction = direction.map((one) => one.mul(factor.to(one.dtype)));
      }
      past.forEach(({ rho, step, change }, i) => {
        const beta = rho.mul(innerProduct(change, direction));
        direction = addScaledAll(direction, step, alphas[i]!.sub(beta));
      });
      return [
        all.withTensors(direction),
        {
          count: increment(count),
          params: own,
          updates,
          diffParamsMemory: paramsMemory.withTensors(paramsMemory.tensors),
          diffUpdatesMemory: updatesMemory.withTensors(updatesMemory.tensors),
          weightsMemory: weights,
        },
      ];
    },
  };
}
