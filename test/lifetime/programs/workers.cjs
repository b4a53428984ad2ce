// Eight threads load the library at once, work, and end in one of several ways. Arguments: the way, how many rounds.
const { Worker, isMainThread, workerData, parentPort } = require('node:worker_threads');

const [way, rounds] = [process.argv[2], Number(process.argv[3])];
const threads = 8;

function work(eqx) {
  const { grad, jit, nn, random, tidy, vmap } = eqx;
  const key = random.key(workerData.seed);
  const x = random.normal(key, [32, 8]);
  const model = new nn.MLP(8, 4, 16, 2, { key });
  const loss = (a) =>
    vmap((row) => model.forward(row))(a)
      .square()
      .sum();
  const slope = grad(loss)(x);
  const same = jit(grad(loss))(x).sub(slope).abs().max().item() < 1e-5;
  const sum = tidy(() =>
    eqx
      .ones([256, 256])
      .matmul(eqx.ones([256, 256]))
      .sum(),
  ).item();
  return same && sum === 256 ** 3;
}

async function inWorker() {
  const { eqx } = require('./report.cjs');
  const right = work(eqx);
  parentPort.postMessage({ right });
  if (way === 'return') return;
  if (way === 'exit') process.exit(0);
  if (way === 'throw') throw new Error('on purpose');
  if (way === 'computing') for (;;) eqx.ones([256, 256]).matmul(eqx.ones([256, 256]));
  if (way === 'failing') {
    for (;;) {
      try {
        eqx.ones([2]).add(eqx.ones([3]));
      } catch (error) {
        if (error.code !== 'ERR_SHAPE') throw error;
      }
    }
  }
  if (way === 'reading')
    for (;;)
      eqx
        .ones([3, 2])
        .unbind(0)
        .map((row) => [row.shape, row.dtype, row.toArray()]);
  if (way === 'in a transform') {
    const forever = (x) => {
      for (;;) x = x.mul(1.0001);
    };
    eqx.vmap((x) => eqx.grad((a) => forever(a).sum())(x))(eqx.ones([4, 4]));
  }
  if (way === 'in a trace') {
    eqx.jit((x) => {
      for (let y = x; ;) y = y.mul(1.0001);
    })(eqx.ones([4]));
  }
  if (way === 'awaiting a program') {
    const power = eqx.jit((x) => {
      let y = x;
      for (let i = 0; i < 30; i++) y = y.matmul(x);
      return y;
    });
    for (;;) await Promise.all([1, 2, 3].map(() => power.async(eqx.eye(200))));
  }
}

/** Starts a worker; resolves when it has ended, with what it reported. */
function run(seed) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { argv: process.argv.slice(2), workerData: { seed } });
    let right = false;
    worker.on('message', (message) => {
      right = message.right;
      // Some milliseconds into what the worker does next.
      if (way !== 'return' && way !== 'exit' && way !== 'throw')
        setTimeout(() => worker.terminate(), seed * 3);
    });
    worker.on('error', (error) => {
      if (error.message !== 'on purpose') reject(error);
    });
    worker.on('exit', () => resolve(right));
  });
}

async function main() {
  const { report, rss, eqx } = require('./report.cjs');
  const samples = [];
  let right = true;
  for (let round = 0; round < rounds; round++) {
    const results = await Promise.all(Array.from({ length: threads }, (_, i) => run(i)));
    right = right && results.every(Boolean);
    samples.push(rss());
  }
  const own = eqx.ones([3]).add(1).toArray();
  report({ right, samples, own });
}

if (isMainThread) void main();
else void inWorker();
