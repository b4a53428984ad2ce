// Saves checkpoints as fast as it can, until it is killed. Arguments: the folder of the compiled sources, the folder of
// the checkpoints, and sync or async.
const { join } = require('node:path');
const { argv, stdout } = require('node:process');

const [built, folder, way] = argv.slice(2);
const { Checkpointer } = require(join(built, 'lib/io/checkpointer.js'));

async function main() {
  const checkpoints = new Checkpointer(folder, { maxToKeep: 2, keepBest: 1, bestMode: 'max' });
  for (let step = (checkpoints.latestStep() ?? 0) + 1; ; step++) {
    const run = { step, data: new Float64Array(4000).fill(step) };
    if (way === 'async') await checkpoints.saveAsync(step, run, { metric: -step });
    else checkpoints.save(step, run, { metric: -step });
    stdout.write(`${step}\n`);
  }
}

void main();
