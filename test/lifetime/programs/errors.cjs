// Catches errors of the addon, each time with garbage around whose finalizers run whenever the collector comes.
// Argument: how many. Run it with a small young generation, so that the collector comes often.
const { eqx, report } = require('./report.cjs');

const [x, y] = [eqx.ones([3]), eqx.ones([4])];
const caught = new Set();
for (let i = 0; i < Number(process.argv[2]); i++) {
  for (let k = 0; k < 20; k++) eqx.zeros([]);
  try {
    x.add(y);
  } catch (error) {
    caught.add(error.code);
  }
}
report({ caught: [...caught] });
