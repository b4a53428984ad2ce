// Makes tensors of 4 MB and drops them at once, in one synchronous loop: no finalizer that waits for the event loop
// ever runs. Arguments: how the tensors are made, how many.
const { eqx, report, rss } = require('./report.cjs');

const [kind, count] = [process.argv[2], Number(process.argv[3])];
const numbers = [];
const makers = {
  plain: () => eqx.ones([1024, 1024]),
  // The view is all that outlives the scope, and it alone keeps the 4 MB.
  'view from a scope': () => eqx.tidy(() => eqx.ones([1024, 1024]).reshape([-1])),
  // What a training loop does that records its losses: small tensors that live as long as the program.
  'kept sums': () => numbers.push(eqx.ones([1024, 1024]).reshape([-1]).index('1:').sum()),
  'kept sums from a scope': () => numbers.push(eqx.tidy(() => eqx.ones([1024, 1024]).square().sum())),
  buffer: () => eqx.fromBuffer(new Float32Array(1 << 20), [1 << 20], 'float32'),
  'of changing sizes': (i) => eqx.ones([1024, 900 + (i % 200)]),
  tape: () => {
    const x = eqx.ones([1024, 1024]).requiresGrad_();
    return x.mul(2).sum();
  },
  'tape that is walked': () => {
    const x = eqx.ones([1024, 1024]).requiresGrad_();
    eqx.autograd.backward(x.mul(2).sum());
    return x.grad;
  },
};

let most = 0;
for (let i = 0; i < count; i++) {
  makers[kind](i);
  if (i % 50 === 0) most = Math.max(most, rss());
}
most = Math.max(most, rss());
report({ most, kept: numbers.length });
