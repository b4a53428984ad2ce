// Prints the milliseconds of a training step of examples/mnist.ts on random data. Run by scripts/bench.mjs.
const eqx = require('../..');

const { applyUpdates, call, filter, filterJit, filterValueAndGrad, filterVmap, isArray, nn, optim, random } =
  eqx;

class Network extends eqx.Module {
  constructor(key) {
    super();
    const [k1, k2, k3, k4] = random.split(key, 4);
    this.layers = [
      new nn.Conv2d(1, 3, 4, { key: k1 }),
      new nn.MaxPool2d(2),
      eqx.relu,
      (x) => x.reshape([-1]),
      new nn.Linear(1728, 512, { key: k2 }),
      eqx.sigmoid,
      new nn.Linear(512, 64, { key: k3 }),
      eqx.relu,
      new nn.Linear(64, 10, { key: k4 }),
      (x) => eqx.logSoftmax(x, 0),
    ];
  }
  forward(x) {
    return this.layers.reduce((value, layer) => call(layer, value), x);
  }
}

const adamw = optim.adamw(1e-3, { weightDecay: 1e-4 });
const loss = (model, x, y) => filterVmap(model)(x).gather(1, y.unsqueeze(1)).mean().neg();
// As in the example, a step releases what it no longer needs: here all but the batch, which comes first.
const step = filterJit(
  (batch, model, state) => {
    const [value, grads] = filterValueAndGrad(loss)(model, ...batch);
    const [updates, next] = adamw.update(grads, state, model);
    return [applyUpdates(model, updates), next, value];
  },
  { donate: 'all-except-first' },
);

const x = random.normal(random.key(1), [64, 1, 28, 28]);
const y = eqx.arange(64).remainder(10);
let model = new Network(random.key(0));
let state = adamw.init(filter(model, isArray));
for (let i = 0; i < 50; i++) [model, state] = step([x, y], model, state);
const rounds = 200;
const started = process.hrtime.bigint();
for (let i = 0; i < rounds; i++) [model, state] = step([x, y], model, state);
console.log(Number(process.hrtime.bigint() - started) / rounds / 1e6);
