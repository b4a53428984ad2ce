import { combine, filterJit, filterValueAndGrad, isInexactArray, partition, type Tensor } from '../../lib';
import { expectBlobs, tensorOf, withTensors, type Blob } from '../support/blob';
import { readFixture } from '../support/fixture';

interface ModelFixture {
  readonly params: readonly Blob[];
  readonly inputs: readonly Blob[];
  readonly outputs: readonly Blob[];
  readonly grads: readonly Blob[];
}

/** What a model's loss returns: the loss, and whatever else is compared. */
export type Losses = readonly [loss: Tensor, ...others: unknown[]];

/**
 * Fails unless a model has the parameters of its counterpart in scripts/fixtures/models.py (those from the normal
 * distribution to rounding), and with them its results and the gradients of its loss, eager and compiled.
 */
export function expectModel<M>(
  name: string,
  made: M,
  lossOf: (model: M, ...inputs: Tensor[]) => Losses,
  { bound = 2e-6, trained = isInexactArray }: { readonly bound?: number; readonly trained?: unknown } = {},
): void {
  const { models } = readFixture('models') as { readonly models: Readonly<Record<string, ModelFixture>> };
  const { params, inputs, outputs, grads } = models[name]!;
  // Numbers from the normal distribution differ from XLA's by a few units in the last place.
  expectBlobs(made, params, 4e-6);
  const [kept, fixed] = partition(withTensors(made, params.map(tensorOf)), trained);
  const given = inputs.map(tensorOf);
  const step = filterValueAndGrad(
    (one: unknown, xs: readonly Tensor[]): [Tensor, Losses] => {
      const losses = lossOf(combine(one, fixed) as M, ...xs);
      return [losses[0], losses];
    },
    { hasAux: true },
  );
  for (const run of [step, filterJit(step)]) {
    const [[, results], gradients] = run(kept, given);
    expectBlobs(results, outputs, bound);
    expectBlobs(gradients, grads, bound * 5);
  }
}
