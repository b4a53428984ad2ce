import { filterJit, filterVmap, type Callable, type Module, type Tensor } from '../index';
import { parameters } from './training';
import type { Session, Workload } from './workload';

export interface Inference<M extends Module & Callable<[Tensor], Tensor>> {
  readonly name: string;
  readonly title: string;
  readonly settings?: Readonly<Record<string, number>>;
  /** A model of one example. */
  model(): M;
  /** A batch. */
  x(): Tensor;
}

type Runner = (run: ReturnType<typeof compiled>, model: Module, x: Tensor) => Session['step'];

function compiled() {
  return filterJit((model: Module & Callable<[Tensor], Tensor>, x: Tensor) => filterVmap(model)(x));
}

function workload<M extends Module & Callable<[Tensor], Tensor>>(
  given: Inference<M>,
  settings: Readonly<Record<string, number>>,
  runner: Runner,
): Workload {
  return {
    name: given.name,
    title: given.title,
    settings: { ...given.settings, ...settings },
    tensors: () => ({ ...parameters(given.model()), x: given.x() }),
    start() {
      const [model, x] = [given.model(), given.x()];
      const run = compiled();
      return {
        step: runner(run, model, x),
        first: () => [Number(run(model, x).sum())],
      };
    },
  };
}

/** One answer after the other: what counts is how long the slow ones take. */
export function inference<M extends Module & Callable<[Tensor], Tensor>>(given: Inference<M>): Workload {
  return workload(given, {}, (run, model, x) => () => {
    run(model as M, x).dispose();
  });
}

/** Eight callers that wait for their answers at the same time, as in a service. */
export function manyCallers<M extends Module & Callable<[Tensor], Tensor>>(given: Inference<M>): Workload {
  const callers = 8;
  return workload(given, { callers }, (run, model, x) => async () => {
    const answers = await Promise.all(Array.from({ length: callers }, () => run.async(model as M, x)));
    for (const answer of answers) answer.dispose();
  });
}
