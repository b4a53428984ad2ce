import { applyUpdates, tensor, tree, type optim, type Tensor } from '../../lib';
import { expectClose, type Tolerance } from './close';
import { readFixture } from './fixture';

type Tree = Readonly<Record<string, unknown>>;

// Optax's optimisers over twelve steps; see scripts/fixtures/make_fixtures.py.
const optax = readFixture('optim') as {
  readonly params: Tree;
  readonly gradients: readonly Tree[];
  readonly optimisers: Readonly<
    Record<
      string,
      { readonly params: readonly Tree[]; readonly state: readonly unknown[]; readonly dtypes: string[] }
    >
  >;
};

const tensorsOf = (t: Tree) =>
  Object.fromEntries(Object.entries(t).map(([name, value]) => [name, tensor(value as never)]));

/** The parameters that the optimisers begin with. */
export const params = tensorsOf(optax.params);

/** The gradients of each step. */
export const gradients = optax.gradients.map(tensorsOf);

/** Fails unless an optimiser takes Optax's twelve steps and ends in its state. */
export function expectSteps(
  name: string,
  optimiser: optim.GradientTransformation,
  tolerance: Tolerance = {},
): void {
  const expected = optax.optimisers[name];
  if (expected === undefined) throw new Error(`no fixture ${name}`);
  let current = params;
  let state = optimiser.init(params);
  gradients.forEach((gradient, i) => {
    const [updates, next] = optimiser.update(gradient, state, current);
    state = next;
    current = applyUpdates(current, updates);
    for (const [key, value] of Object.entries(current))
      expectClose(value, expected.params[i]?.[key], tolerance);
  });
  const leaves = tree.leaves(state) as Tensor[];
  expect(leaves.map((leaf) => leaf.dtype)).toEqual(expected.dtypes);
  leaves.forEach((leaf, i) => {
    expectClose(leaf, expected.state[i], tolerance);
  });
}
