// Training steps, awaiting nothing. Arguments: jit or eager, how many steps, whether the losses are kept or dropped.
const { eqx, report, rss } = require('./report.cjs');

const { applyUpdates, filter, filterJit, filterValueAndGrad, filterVmap, isArray, nn, optim, random } = eqx;

const [mode, steps, losses] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const optimiser = optim.adamw(1e-3, { weightDecay: 1e-4 });
const loss = (model, x, y) => filterVmap(model)(x).sub(y).square().mean();
const update = (model, state, x, y) => {
  const [value, grads] = filterValueAndGrad(loss)(model, x, y);
  const [updates, next] = optimiser.update(grads, state, model);
  return [applyUpdates(model, updates), next, value];
};
const step = mode === 'jit' ? filterJit(update) : update;

const [k1, k2, k3] = random.split(random.key(0), 3);
const x = random.normal(k1, [64, 196]);
const y = random.normal(k2, [64, 10]);
let model = new nn.MLP(196, 10, 128, 2, { key: k3 });
let state = optimiser.init(filter(model, isArray));

const samples = [];
const kept = [];
let [first, last] = [0, 0];
for (let i = 1; i <= steps; i++) {
  const [nextModel, nextState, value] = step(model, state, x, y);
  [model, state] = [nextModel, nextState];
  if (losses === 'kept') kept.push(value);
  if (i === 1) first = value.item();
  if (i === steps) last = value.item();
  if (i % 100 === 0) samples.push(rss());
}
globalThis.gc?.();
report({ samples, first, last, tensors: eqx.memory().tensors });
