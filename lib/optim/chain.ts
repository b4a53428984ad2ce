import { ArgumentError, TreeError } from '../base/errors';
import { describe } from '../tree';
import type { GradientTransformation, State } from './base';

/**
 * Applies transformations one after another. The state is the array of their states.
 *
 * @throws ERR_ARGUMENT if an argument is no transformation.
 * @example
 * const optimiser = optim.chain(optim.clipByGlobalNorm(1), optim.adam(1e-3));
 * @see optax.chain.
 */
export function chain(...steps: readonly GradientTransformation[]): GradientTransformation {
  steps.forEach((step: unknown, i) => {
    const { init, update } = (step ?? {}) as Partial<Record<string, unknown>>;
    if (typeof init === 'function' && typeof update === 'function') return;
    throw new ArgumentError(
      `optim.chain: expected gradient transformations, got ${describe(step)} at [${i}].`,
      { op: 'optim.chain' },
    );
  });
  return {
    init: (params) => steps.map((step) => step.init(params)),
    update(updates, state, params) {
      if (!Array.isArray(state) || state.length !== steps.length) {
        throw new TreeError(
          `optim.chain: expected an array of ${steps.length} states, got ${describe(state)}. Pass what init or the last update returned.`,
          { op: 'optim.chain' },
        );
      }
      let current = updates;
      const next = steps.map((step, i) => {
        const [changed, own] = step.update(current, (state as readonly State[])[i]!, params);
        current = changed;
        return own;
      });
      return [current, next];
    },
  };
}
