import { TreeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { cond } from '../control';
import { Tensor } from '../tensor/tensor';
import { filterValueAndGrad } from '../transform';
import { describe, isPlainObject } from '../tree';
import {
  identity,
  requireTransformation,
  type GradientTransformation,
  type ScalarOrSchedule,
  type State,
} from './base';
import { chain } from './chain';
import { scale, scaleByLearningRate } from './scale';
import { scaleByLbfgs, type LbfgsMemoryOptions } from './scale-by-lbfgs';
import { scaleByZoomLinesearch } from './scale-by-zoom-linesearch';
import { Updates } from './updates';

export interface LbfgsOptions extends LbfgsMemoryOptions {
  /** What scales the direction; a zoom line search of 20 steps unless given, null for none. */
  readonly linesearch?: GradientTransformation | null | undefined;
}

/**
 * L-BFGS with a line search; `update` needs the parameters, and `{ value, grad, valueFn }` in its fourth argument.
 *
 * @param learningRate  A factor of the direction, before the line search; 1 unless given.
 * @throws ERR_ARGUMENT as `scaleByLbfgs` and the line search.
 * @example
 * const optimiser = optim.lbfgs();
 * const valueAndGrad = optim.valueAndGradFromState(loss);
 * const [value, grad] = valueAndGrad(model, state);
 * const [updates, next] = optimiser.update(grad, state, model, { value, grad, valueFn: loss });
 * @see optax.lbfgs; Liu and Nocedal 1989.
 */
export function lbfgs(
  learningRate?: ScalarOrSchedule | null,
  options: LbfgsOptions = {},
): GradientTransformation {
  const op = 'optim.lbfgs';
  requireOptions(options, ['memorySize', 'scaleInitPrecond', 'linesearch'], op);
  const { linesearch = scaleByZoomLinesearch(20, { initialGuessStrategy: 'one' }), ...memory } = options;
  return chain(
    scaleByLbfgs(memory),
    learningRate === undefined || learningRate === null ? scale(-1) : scaleByLearningRate(learningRate),
    linesearch === null ? identity() : requireTransformation(linesearch, 'linesearch', op),
  );
}

/**
 * Makes a function that takes the value and the gradients from the state of a line search, where they are known, so that
 * they need not be computed again.
 *
 * @param valueFn  The function whose least value is looked for.
 * @returns From the parameters and the state to the value and the gradients.
 * @throws ERR_TREE, in the function made, if the state holds none.
 * @see optax.value_and_grad_from_state.
 */
export function valueAndGradFromState<T>(
  valueFn: (params: T) => Tensor,
): (params: T, state: State) => readonly [value: Tensor, grad: T] {
  const op = 'optim.valueAndGradFromState';
  return (params, state) => {
    const found = searchState(state);
    if (found === undefined) {
      throw new TreeError(
        `${op}: expected a state with a value and gradients, got ${describe(state)}. Use a line search that stores them.`,
        { op },
      );
    }
    const kept = [found.value, new Updates(found.grad, op).tensors] as const;
    const computed = (): typeof kept => {
      const [value, grad] = filterValueAndGrad(valueFn)(params);
      return [value.to(found.value.dtype), new Updates(grad, op).tensors];
    };
    const [value, tensors] = cond(found.value.isfinite(), () => kept, computed);
    return [value, new Updates(found.grad as T, op).withTensors(tensors)];
  };
}

/** The first part of a state that has a value and gradients. */
function searchState(state: unknown): { readonly value: Tensor; readonly grad: unknown } | undefined {
  if (Array.isArray(state)) {
    return state.map(searchState).find((found) => found !== undefined);
  }
  if (!isPlainObject(state)) return undefined;
  const { value, grad } = state;
  if (value instanceof Tensor && grad !== undefined && grad !== null) return { value, grad };
  return searchState(Object.values(state));
}
