import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { InvalidArgumentError, type Command } from 'commander';
import type { Comparison } from '../../bench/run';

interface Options {
  readonly python?: string;
  readonly only?: readonly string[];
  readonly rounds: number;
  readonly roundMs: number;
  readonly threads: number;
  readonly maxSpread: number;
  readonly json?: string;
}

/** `equinode bench`: the workloads in Equinode and, with a Python that has them, in PyTorch and JAX. */
export function addBench(program: Command): void {
  program
    .command('bench')
    .description(
      'measure typical work; with --python beside PyTorch, torch.compile and JAX with Equinox, in turns',
    )
    .option('--python <path>', 'a Python with torch, jax, equinox, optax and safetensors')
    .option('--only <names...>', 'only these workloads')
    .option('--rounds <n>', 'how often each is measured', count, 7)
    .option('--round-ms <ms>', 'how long each works in a round', count, 500)
    .option('--threads <n>', 'threads of each framework', count, availableParallelism())
    .option('--max-spread <share>', 'how far repeated measurements may lie apart', Number, 0.1)
    .option('--json <file>', 'also write everything that was measured')
    .action(async (options: Options) => {
      process.exitCode = await bench(program, options);
    });
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number from 1 on.');
  return value;
}

async function bench(program: Command, options: Options): Promise<number> {
  // The other commands must not wait until the library and its workloads are loaded.
  const [{ compare }, { details, table }, { workloads }] = await Promise.all([
    import('../../bench/run.js'),
    import('../../bench/table.js'),
    import('../../bench/workloads/index.js'),
  ]);
  const unknown = options.only?.find((name) => workloads.every((workload) => workload.name !== name));
  if (unknown !== undefined) {
    const names = workloads.map(({ name }) => name).join(', ');
    program.error(`error: expected workloads among ${names}, got ${unknown}.`);
  }
  const machine = {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    threads: options.threads,
    node: process.versions.node,
  };
  console.log(
    `${machine.processor}, ${machine.cores} cores, ${machine.threads} threads, Node ${machine.node}`,
  );
  const comparisons: Comparison[] = [];
  for (const workload of workloads) {
    if (options.only !== undefined && !options.only.includes(workload.name)) continue;
    comparisons.push(
      await compare(workload, {
        ...options,
        note: (text) => {
          process.stderr.write(`${text}\n`);
        },
      }),
    );
  }
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ machine, comparisons }, undefined, 2)}\n`);
  }
  for (const { workload, failures } of comparisons) {
    for (const failure of failures) console.error(`${workload}: ${failure}`);
  }
  const noisy = comparisons.flatMap(({ workload, measurements }) =>
    measurements
      .filter(({ spread }) => spread > options.maxSpread)
      .map(({ framework, spread }) => `${workload} in ${framework} (±${(100 * spread).toFixed(0)} %)`),
  );
  if (noisy.length > 0) {
    console.error(
      `The machine is too noisy to compare: expected a spread of at most ${100 * options.maxSpread} %, got more for ` +
        `${noisy.join(', ')}. Stop other work, or allow more with --max-spread.`,
    );
    return 1;
  }
  console.log(`\n${table(comparisons)}\n\n${details(comparisons)}`);
  return comparisons.some(({ failures }) => failures.length > 0) ? 1 : 0;
}
