// Ends the process while compiled programs and reads are under way on other threads. Argument: how it ends.
const { eqx, report } = require('./report.cjs');

const way = process.argv[2];
const power = eqx.jit((x) => {
  let y = x;
  for (let i = 0; i < 50; i++) y = y.matmul(x);
  return y;
});
const x = eqx.eye(400);
const pending = [1, 2, 3, 4].flatMap(() => [power.async(x), x.add(1).data()]);
void Promise.allSettled(pending).then(() => {
  if (way === 'await') report({ way });
});
if (way !== 'await') report({ way });
if (way === 'exit') process.exit(0);
if (way === 'exit later') setTimeout(() => process.exit(0), 20);
if (way === 'throw') throw new Error('on purpose');
if (way === 'open transform') eqx.vmap(() => process.exit(0))(eqx.ones([2]));
if (way === 'open trace') eqx.jit(() => process.exit(0))(eqx.ones([2]));
