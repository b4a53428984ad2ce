import type { DType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { full } from '../ops';
import { Tensor } from '../tensor/tensor';
import { describe, isPlainObject, leaves } from '../tree';
import { isInexactArray } from '../filter';
import {
  requireFunction,
  requireNumber,
  requireState,
  requireTransformation,
  type GradientTransformation,
  type Schedule,
  type State,
} from './base';
import { countFor, deviceOf, increment } from './updates';

/** The hyperparameters as the optimiser gets them: numbers and schedules have become tensors. */
export type Injected<H> = {
  readonly [N in keyof H]: H[N] extends number | Tensor | Schedule ? Tensor : H[N];
};

/**
 * Keeps hyperparameters in the state of an optimiser, where they can be read, changed and saved. A changed one does not
 * trace a compiled step again.
 *
 * The state is `{ count, hyperparams, hyperparamsStates, innerState }`.
 *
 * @param make  Makes the optimiser from the hyperparameters, each a tensor of no axes.
 * @param hyperparams  Their values by name: numbers and tensors, which stay as they are until they are changed, and
 *   schedules, which are computed anew in every step. Anything else, such as booleans, goes to `make` as it is.
 * @param options  `hyperparamDtype`: the dtype of the tensors; the widest of the parameters unless given.
 * @example
 * const optimiser = optim.injectHyperparams((h) => optim.adam(h.learningRate, { b1: h.b1 }), { learningRate: 1e-3, b1: 0.9 });
 * state = treeAt((s) => s.hyperparams.learningRate, state, tensor(1e-4));
 * @throws ERR_ARGUMENT if `make` is no function or makes no optimiser, or a hyperparameter is NaN or has axes.
 * @see optax.inject_hyperparams, which takes the names from the optimiser's signature.
 */
export function injectHyperparams<H extends Readonly<Record<string, unknown>>>(
  make: (hyperparams: Injected<H>) => GradientTransformation,
  hyperparams: H,
  options: { readonly hyperparamDtype?: DType | undefined } = {},
): GradientTransformation {
  const op = 'optim.injectHyperparams';
  requireOptions(options, ['hyperparamDtype'], op);
  requireFunction('make', make, op);
  if (!isPlainObject(hyperparams)) {
    throw new ArgumentError(
      `${op}: expected an object of hyperparameters by name, got ${describe(hyperparams)}.`,
      {
        op,
      },
    );
  }
  const all = Object.entries(hyperparams);
  for (const [name, value] of all) {
    if (typeof value === 'number' || value instanceof Tensor) requireNumber(name, value, op);
  }
  const numeric = all.filter(([, value]) => typeof value === 'number' || value instanceof Tensor);
  const schedules = all.filter((entry): entry is [string, Schedule] => typeof entry[1] === 'function');
  const fixed = all.filter(
    ([, value]) => !['number', 'function'].includes(typeof value) && !(value instanceof Tensor),
  );
  const names = ['count', 'hyperparams', 'hyperparamsStates', 'innerState'] as const;

  const build = (values: Readonly<Record<string, unknown>>): GradientTransformation =>
    requireTransformation(
      make({ ...Object.fromEntries(fixed), ...values } as Injected<H>),
      'the result of make',
      op,
    );
  const computed = (
    states: Readonly<Record<string, { readonly count: Tensor }>>,
    like: Target,
  ): Record<string, Tensor> =>
    Object.fromEntries(
      schedules.map(([name, schedule]) => [name, asTensor(schedule(states[name]!.count), like)]),
    );

  return {
    init(params) {
      const like = targetFor(params, options.hyperparamDtype);
      const states = Object.fromEntries(schedules.map(([name]) => [name, { count: countFor(params) }]));
      const constants = numeric.map(([name, value]) => [name, asTensor(value as number | Tensor, like)]);
      const values = { ...Object.fromEntries(constants), ...computed(states, like) } as Record<
        string,
        Tensor
      >;
      return {
        count: countFor(params),
        hyperparams: values,
        hyperparamsStates: states,
        innerState: build(values).init(params),
      };
    },
    update(updates, state, params, extra) {
      const before = requireState(state, names, op);
      const kept = requireState(
        before.hyperparams as State,
        numeric.map(([name]) => name),
        op,
      );
      const like = targetFor(params ?? updates, options.hyperparamDtype);
      const states = before.hyperparamsStates as Record<string, { readonly count: Tensor }>;
      const constants = numeric.map(([name]) => [name, asTensor(kept[name] as number | Tensor, like)]);
      const values = { ...Object.fromEntries(constants), ...computed(states, like) } as Record<
        string,
        Tensor
      >;
      const [changed, innerState] = build(values).update(updates, before.innerState as State, params, extra);
      const nextStates = schedules.map(
        ([name]) => [name, { count: increment(states[name]!.count) }] as const,
      );
      return [
        changed,
        {
          count: increment(before.count as Tensor),
          hyperparams: values,
          hyperparamsStates: Object.fromEntries(nextStates),
          innerState,
        },
      ];
    },
  };
}

interface Target {
  readonly dtype: DType;
  readonly device: string;
}

/** Numbers become tensors of the dtype; tensors keep theirs, as in Optax. */
function asTensor(value: number | Tensor, { dtype, device }: Target): Tensor {
  return value instanceof Tensor ? value.to(device) : full([], value, { dtype, device });
}

/** The widest real dtype among the parameters, and their device. */
function targetFor(params: unknown, dtype: DType | undefined): Target {
  const dtypes = leaves(params)
    .filter(isInexactArray)
    .map((leaf) => leaf.dtype);
  const isDouble = dtypes.some((one) => one === 'float64' || one === 'complex128');
  const halves = new Set(dtypes);
  const onlyHalf =
    halves.size === 1 ? [...halves].find((one) => one === 'float16' || one === 'bfloat16') : undefined;
  return { dtype: dtype ?? (isDouble ? 'float64' : (onlyHalf ?? 'float32')), device: deviceOf(params) };
}
