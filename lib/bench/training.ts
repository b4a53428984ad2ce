import {
  applyUpdates,
  filter,
  filterJit,
  filterValueAndGrad,
  isInexactArray,
  type optim,
  tree,
  type Module,
  type Tensor,
} from '../index';
import type { Workload } from './workload';

export interface Training<M extends Module> {
  readonly name: string;
  readonly title: string;
  readonly settings?: Readonly<Record<string, number>>;
  model(): M;
  inputs(): Readonly<Record<string, Tensor>>;
  loss(model: M, inputs: Readonly<Record<string, Tensor>>): Tensor;
  optimiser(): optim.GradientTransformation;
}

/** The tensors of a model under the names by which other frameworks read them. */
export function parameters(model: Module): Record<string, Tensor> {
  const leaves = tree.leaves(filter(model, isInexactArray)) as Tensor[];
  return Object.fromEntries(leaves.map((leaf, i) => [`param.${i}`, leaf]));
}

/** Steps of a training: forward, backward and the optimiser in one compiled function; the loss is what is compared. */
export function training<M extends Module>(given: Training<M>): Workload {
  return {
    name: given.name,
    title: given.title,
    settings: given.settings ?? {},
    tensors: () => ({ ...parameters(given.model()), ...given.inputs() }),
    start() {
      const optimiser = given.optimiser();
      const inputs = given.inputs();
      const step = filterJit(
        (batch: Readonly<Record<string, Tensor>>, model: M, state: optim.State) => {
          const [loss, grads] = filterValueAndGrad((model: M) => given.loss(model, batch))(model);
          const [updates, next] = optimiser.update(grads, state, model);
          return [applyUpdates(model, updates), next, loss] as const;
        },
        { donate: 'all-except-first' },
      );
      let model = given.model();
      let state = optimiser.init(filter(model, isInexactArray));
      let loss: Tensor | undefined;
      const once = (): void => {
        [model, state, loss] = step(inputs, model, state);
      };
      return {
        step: once,
        first() {
          once();
          return [Number(loss)];
        },
      };
    },
  };
}
