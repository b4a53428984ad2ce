import { applyUpdates, filterJit, optim, ops, tensor, tree, type Tensor } from '../../lib';
import { expectClose, type Tolerance } from '../support/close';
import { numbersOf, readFixture, type Numbers } from '../support/fixture';
import { elementsOf, extraOf, isBroken, leavesOf, optimiserCases } from '../support/optimiser-cases';

type Tree = Readonly<Record<string, Tensor>>;
interface Case {
  readonly params: readonly Numbers[];
  readonly state: readonly (readonly [path: string, dtype: string, values: Numbers])[];
}

// Optax's steps; see scripts/fixtures/optimisers.py.
const optax = readFixture('optimisers') as {
  readonly exports: { readonly all: readonly string[] };
  readonly given: Readonly<Record<string, unknown>>;
  readonly cases: Readonly<Record<string, Case>>;
  readonly lookahead: Readonly<Record<string, Case>>;
  readonly functions: Readonly<Record<string, Numbers>>;
};
const treeOf = (t: unknown): Tree =>
  Object.fromEntries(
    Object.entries(t as Record<string, Numbers>).map(([name, value]) => [
      name,
      tensor(numbersOf(value) as never),
    ]),
  );
const given = (name: string): Tree => treeOf(optax.given[name]);
const stepsOf = (name: string): Tree[] => (optax.given[name] as unknown[]).map(treeOf);
const params = given('params');
const axes = given('axes');
const gradients = stepsOf('gradients');
const broken = stepsOf('broken');
const axesGradients = stepsOf('axesGradients');

function inputsOf(name: string): readonly [params: Tree, gradients: readonly Tree[]] {
  const width = (optax.cases[name]!.params[0] as readonly Numbers[]).length;
  if (width === elementsOf(axes).size) return [axes, axesGradients];
  return [params, isBroken(name) ? broken : gradients];
}

// Optax's functions without a counterpart, so that a new one does not go unnoticed.
const notHere = [
  // What its own optimisers are made of.
  ...['init_empty_state', 'safe_increment', 'safe_int32_increment', 'safe_norm', 'safe_root_mean_squares'],
  ...['scale_gradient', 'stateless_with_tree_map', 'tree_map_params', 'with_extra_args_support'],
  ...['update_infinity_moment', 'update_moment', 'update_moment_per_elem_norm'],
  // `injectHyperparams` takes schedules, `applyUpdates` stands at the top; a loss whose name Optax itself has given up.
  ...['apply_updates', 'convex_kl_divergence', 'inject_stateful_hyperparams'],
  // Numerics that have nothing to do with updates, and projections other than onto the simplex.
  ...['matrix_inverse_pth_root', 'microbatch', 'multi_normal', 'nnls', 'power_iteration'],
  ...['projection_box', 'projection_halfspace', 'projection_hypercube', 'projection_hyperplane'],
  ...['projection_l1_ball', 'projection_l1_sphere', 'projection_l2_ball', 'projection_l2_sphere'],
  ...['projection_linf_ball', 'projection_non_negative', 'projection_vector'],
  // Rare ones of optax.contrib.
  ...[
    'acprop',
    'cocob',
    'dadapt_adamw',
    'differentially_private_aggregate',
    'dog',
    'dowg',
    'dpsgd',
    'galore',
  ],
  ...['hutchinson_estimator_diag_hessian', 'madgrad', 'mechanize', 'momo', 'momo_adam', 'normalize', 'sam'],
  ...[
    'scale_by_acprop',
    'scale_by_cocob',
    'scale_by_galore',
    'scale_by_madgrad',
    'scale_by_simplified_ademamix',
  ],
  ...['simplified_ademamix', 'sophia', 'split_real_and_imaginary'],
];

// Steps of size 0.1 on parameters of size 4: six roundings of 2e-7 each, relative to the parameters.
const tolerance: Tolerance = { rtol: 2e-6, atol: 1e-6 };
// A mean in bfloat16 has three digits; roots of small differences lose as many.
const loose: Readonly<Record<string, Tolerance>> = {
  'adam:half': { rtol: 8e-3, atol: 1e-4 },
  'ema:half': { rtol: 8e-3, atol: 1e-4 },
  'rmsprop:centered': { rtol: 1e-5, atol: 1e-5 },
  scaleByStddev: { rtol: 1e-5, atol: 1e-5 },
  adabelief: { rtol: 1e-4, atol: 1e-5 },
  // Optax computes 2000 - 1995 in float32, with a power that XLA rounds to one unit in the last place.
  radam: { rtol: 3e-3, atol: 1e-4 },
  scaleByRadam: { rtol: 3e-3, atol: 1e-4 },
  scaleByBelief: { rtol: 1e-4, atol: 1e-4 },
};

function expectState(state: optim.State, expected: Case['state'], bound: Tolerance): void {
  const leaves = leavesOf(state);
  expect(leaves.map(([path, leaf]) => [path, leaf.dtype])).toEqual(
    expected.map(([path, dtype]) => [path, dtype]),
  );
  leaves.forEach(([, leaf], i) => {
    // An average that has become infinite stays so in Optax, and is NaN here, in the next step.
    const numbers = (numbersOf(expected[i]![2]) as number[]).map((value) =>
      Math.abs(value) === Infinity ? NaN : value,
    );
    const kept = leaf.dtype === 'bool' || leaf.dtype.includes('int') ? leaf : leaf.mul(0).add(leaf);
    expectClose(kept.reshape([-1]), numbers, bound);
  });
}

test('every transformation is compared with Optax, and no comparison is left out', () => {
  expect(Object.keys(optimiserCases).sort()).toEqual(Object.keys(optax.cases).sort());
});

test.each(Object.entries(optimiserCases))('%s takes the steps of Optax', (name, optimiser) => {
  const expected = optax.cases[name]!;
  const [start, steps] = inputsOf(name);
  const bound = loose[name] ?? tolerance;
  let current = start;
  let state = optimiser.init(start);
  steps.forEach((gradient, i) => {
    const [updates, next] = optimiser.update(gradient, state, current, extraOf[name]);
    current = applyUpdates(current, updates);
    state = next;
    expectClose(elementsOf(current), numbersOf(expected.params[i]!), bound);
  });
  expectState(state, expected.state, bound);
});

test.each(Object.entries(optimiserCases))(
  '%s takes the same steps inside jit, which traces once, and its state keeps its structure',
  (name, optimiser) => {
    const [start, steps] = inputsOf(name);
    let traces = 0;
    const step = filterJit((gradient: Tree, state: optim.State, current: Tree) => {
      traces += 1;
      const [updates, next] = optimiser.update(gradient, state, current, extraOf[name]);
      return [applyUpdates(current, updates), next] as const;
    });
    let current = start;
    let state = optimiser.init(start);
    const structure = tree.structure(state);
    steps.slice(0, 3).forEach((gradient) => {
      [current, state] = step(gradient, state, current);
    });
    expectClose(elementsOf(current), numbersOf(optax.cases[name]!.params[2]!), loose[name] ?? tolerance);
    // A monitor measures nothing before the first step.
    expect(traces).toBe(name === 'monitor' ? 2 : 1);
    if (name !== 'monitor') expect(tree.structure(state).equals(structure)).toBe(true);
  },
);

test.each([
  ['lookahead', false],
  ['lookahead:reset', true],
] as const)('%s takes the steps of Optax', (name, resetState) => {
  const optimiser = optim.lookahead(optim.adam(0.1), 2, 0.4, { resetState });
  const expected = optax.lookahead[name]!;
  let both = optim.lookaheadParams(params);
  let state = optimiser.init(both);
  gradients.forEach((gradient, i) => {
    const [updates, next] = optimiser.update(gradient, state, both);
    both = applyUpdates(both, updates);
    state = next;
    const [fast, slow] = expected.params[i] as readonly Numbers[];
    expectClose(elementsOf(both.fast), fast, tolerance);
    expectClose(elementsOf(both.slow), slow, tolerance);
  });
  expectState(state, expected.state, tolerance);
});

const waves = (...shape: number[]): Tensor =>
  ops
    .arange(
      shape.reduce((product, size) => product * size, 1),
      { dtype: 'float32' },
    )
    .reshape(shape)
    .remainder(7)
    .sub(2);
const grads = { a: waves(4, 2, 3), b: waves(4, 5).mul(0.3) };
const ones = tree.map((x: Tensor) => x.onesLike(), params);

const functions: Readonly<Record<string, () => unknown>> = {
  scheduleFreeEvalParams: () =>
    optim.scheduleFreeEvalParams(optim.scheduleFree(optim.sgd(0.1), 0.1).init(params), ones),
  globalNorm: () => optim.globalNorm(params),
  perExampleGlobalNormClip: () => optim.perExampleGlobalNormClip(grads, 3),
  perExampleLayerNormClip: () => optim.perExampleLayerNormClip(grads, 3),
  'perExampleLayerNormClip:sizes': () => optim.perExampleLayerNormClip(grads, 3, { uniform: false }),
  unitwiseNorm: () =>
    [[3], [2, 3], [2, 2, 3], [1, 2, 2, 3]].map((shape) => optim.unitwiseNorm(waves(...shape))),
  unitwiseClip: () => optim.unitwiseClip(waves(4).abs(), ops.ones([4]), waves(4)),
  incrementalUpdate: () => optim.incrementalUpdate(params, ones, 0.1),
  periodicUpdate: () =>
    [0, 1, 2, 3].map((i) =>
      optim.periodicUpdate(ops.ones([2]), ops.zeros([2]), tensor(i, { dtype: 'int32' }), 3),
    ),
};

function flat(numbers: unknown): unknown[] {
  if (Array.isArray(numbers)) return numbers.flatMap(flat);
  if (typeof numbers === 'object' && numbers !== null) {
    const parts = numbers as Readonly<Record<string, unknown>>;
    return Object.keys(parts)
      .sort()
      .flatMap((name) => flat(parts[name]));
  }
  return [numbers];
}

test.each(Object.entries(functions))('%s computes what Optax computes', (name, compute) => {
  const results = tree.leaves(compute()) as Tensor[];
  const all = ops.cat(results.map((leaf) => leaf.reshape([-1]).to('float32')));
  expectClose(all, flat(numbersOf(optax.functions[name]!)), { rtol: 2e-6 });
});

test('every function of optim is compared with Optax', () => {
  const compared = [
    ...Object.keys(optimiserCases),
    ...Object.keys(optax.lookahead),
    ...Object.keys(functions),
    ...Object.keys((readFixture('lbfgs') as { readonly cases: object }).cases),
    ...Object.keys((readFixture('losses') as { readonly losses: object }).losses),
    ...Object.keys((readFixture('losses') as { readonly schedules: object }).schedules),
  ].map((name) => name.replace(/:.*/, ''));
  // They are parts of cases of other names, or make what those begin with.
  const within = ['measureWithEma', 'lookaheadParams', 'stateless', 'valueAndGradFromState'];
  expect(Object.keys(optim).filter((name) => ![...compared, ...within].includes(name))).toEqual([]);
});

test('every function of Optax is here, but for those that are named', () => {
  const camelCase = (name: string): string =>
    name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const missing = optax.exports.all.filter((name) => !(camelCase(name) in optim));
  expect(missing).toEqual([...notHere].sort());
});
