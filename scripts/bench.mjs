// @ts-check
// Runs the same work in Equinode and in PyTorch, in turns, and reports the ratio of the medians.
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';

const folder = fileURLToPath(new URL('compare/', import.meta.url));

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} unit
 * @property {string[]} ours   the arguments of node
 * @property {string[]} theirs the arguments of python
 */

/** @type {readonly Workload[]} */
const workloads = [
  {
    name: 'eager add of float32[3]',
    unit: 'ns',
    ours: [`${folder}eager_add.cjs`],
    theirs: [`${folder}eager_add.py`],
  },
  {
    name: 'MNIST training step, batch 64',
    unit: 'ms',
    ours: [`${folder}mnist_step.cjs`],
    theirs: [`${folder}mnist_step.py`],
  },
  ...['flatten', 'unflatten'].map((what) => ({
    name: `${what} of a model of 1,000 leaves`,
    unit: 'µs',
    ours: [`${folder}tree_walk.cjs`, what],
    theirs: [`${folder}tree_walk.py`, what],
  })),
  {
    name: 'a million uniform numbers',
    unit: 'ms',
    ours: [`${folder}uniform.cjs`],
    theirs: [`${folder}uniform.py`],
  },
];

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/**
 * Half the distance of the quartiles, as a share of the median.
 * @param {number[]} values
 */
function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => sorted[Math.round(share * (sorted.length - 1))] ?? NaN;
  return (at(0.75) - at(0.25)) / 2 / median(values);
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function measure(program, args) {
  return Number(
    execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim(),
  );
}

const program = new Command('bench')
  .description('Compares Equinode with PyTorch: both do the same work, in turns.')
  .option(
    '--python <path>',
    'a Python that has torch (default: $EQUINODE_PYTHON)',
    process.env['EQUINODE_PYTHON'],
  )
  .option('--rounds <n>', 'how often each is measured', '5')
  .parse();

const { python, rounds } = program.opts();
if (python === undefined)
  program.error('error: no Python to compare with. Pass --python or set EQUINODE_PYTHON.');
const count = Number(rounds);
if (!Number.isInteger(count) || count < 1)
  program.error(`error: --rounds: expected a whole number from 1 on, got ${rounds}.`);

console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.versions.node}`,
);
for (const { name, unit, ours, theirs } of workloads) {
  /** @type {{ ours: number[], theirs: number[] }} */
  const times = { ours: [], theirs: [] };
  for (let round = 0; round < count; round++) {
    times.ours.push(measure(process.execPath, ours));
    times.theirs.push(measure(python, theirs));
  }
  const [a, b] = [median(times.ours), median(times.theirs)];
  const text = (/** @type {number} */ value, /** @type {number[]} */ all) =>
    `${value.toPrecision(3)} ${unit} (±${(100 * spread(all)).toFixed(0)} %)`;
  console.log(
    `${name}: Equinode ${text(a, times.ours)}, PyTorch ${text(b, times.theirs)}, ratio ${(a / b).toFixed(2)}`,
  );
}
