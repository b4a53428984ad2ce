import { ArgumentError, TreeError } from '../base/errors';
import { describe } from '../tree';
import { requireState, requireTransformation, type GradientTransformation, type State } from './base';

/**
 * Applies transformations one after another. The state is the array of their states.
 *
 * @throws ERR_ARGUMENT if an argument is no transformation.
 * @example
 * const optimiser = optim.chain(optim.clipByGlobalNorm(1), optim.adam(1e-3));
 * @see optax.chain.
 */
export function chain(...steps: readonly GradientTransformation[]): GradientTransformation {
  steps.forEach((step, i) => {
    requireTransformation(step, `[${i}]`, 'optim.chain');
  });
  return {
    init: (params) => steps.map((step) => step.init(params)),
    update(updates, state, params, extra) {
      if (!Array.isArray(state) || state.length !== steps.length) {
        throw new TreeError(
          `optim.chain: expected an array of ${steps.length} states, got ${describe(state)}. Pass what init or the last update returned.`,
          { op: 'optim.chain' },
        );
      }
      let current = updates;
      const next = steps.map((step, i) => {
        const [changed, own] = step.update(current, (state as readonly State[])[i]!, params, extra);
        current = changed;
        return own;
      });
      return [current, next];
    },
  };
}

/**
 * As `chain`, with a name for each transformation. The state is the object of their states.
 *
 * @param steps  Pairs of a name and a transformation.
 * @throws ERR_ARGUMENT if an argument is no such pair, or two have one name.
 * @example
 * const optimiser = optim.namedChain(['clip', optim.clip(1)], ['descend', optim.sgd(1e-3)]);
 * @see optax.named_chain.
 */
export function namedChain(
  ...steps: readonly (readonly [name: string, transformation: GradientTransformation])[]
): GradientTransformation {
  const op = 'optim.namedChain';
  const names = steps.map((pair: unknown, i) => {
    const [name, step] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
    if (typeof name !== 'string') {
      throw new ArgumentError(
        `${op}: expected pairs of a name and a transformation, got another at [${i}].`,
        {
          op,
        },
      );
    }
    requireTransformation(step, `'${name}'`, op);
    return name;
  });
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new ArgumentError(`${op}: expected names that differ, got '${twice}' twice.`, { op });
  }
  return {
    init: (params) => Object.fromEntries(steps.map(([name, step]) => [name, step.init(params)])),
    update(updates, state, params, extra) {
      const own = requireState(state, names, op);
      let current = updates;
      const next = steps.map(([name, step]) => {
        const [changed, after] = step.update(current, own[name] as State, params, extra);
        current = changed;
        return [name, after] as const;
      });
      return [current, Object.fromEntries(next)];
    },
  };
}
