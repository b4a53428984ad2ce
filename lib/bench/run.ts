import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io } from '../index';
import { packageRoot } from '../setup';
import { Contender } from './contender';
import { median, quantile, spread } from './statistics';
import type { Workload } from './workload';

export interface BenchOptions {
  /** A Python with torch, jax, equinox, optax and safetensors; without one Equinode runs alone. */
  readonly python?: string | undefined;
  readonly rounds: number;
  readonly threads: number;
  /** Milliseconds that one framework works in one round. */
  readonly roundMs: number;
  readonly note: (text: string) => void;
}

/** What one framework needed for one workload. Times are milliseconds. */
export interface Measurement {
  readonly framework: string;
  readonly firstMs: number;
  readonly medianMs: number;
  /** The 99th percentile of the single steps. */
  readonly slowMs: number;
  /** See `spread`: of the medians of the rounds. */
  readonly spread: number;
  readonly peakBytes: number;
}

export interface Comparison {
  readonly workload: string;
  readonly title: string;
  readonly measurements: readonly Measurement[];
  /** Why a framework is missing. */
  readonly failures: readonly string[];
}

export const frameworks = ['Equinode', 'PyTorch', 'torch.compile', 'JAX'] as const;

interface First {
  readonly firstMs: number;
  readonly outputs: readonly number[];
}

/** How far the numbers of two frameworks may lie apart, as a part of them. */
const tolerance = 1e-4;

/** Measures one workload: one process for each framework, in turns, after their numbers were found equal. */
export async function compare(workload: Workload, options: BenchOptions): Promise<Comparison> {
  const folder = mkdtempSync(join(tmpdir(), 'equinode-bench-'));
  const contenders: Contender[] = [];
  const failures: string[] = [];
  try {
    const file = join(folder, 'start.safetensors');
    const tensors = workload.tensors();
    if (Object.keys(tensors).length > 0) io.saveSafetensors(file, tensors);
    const ready: {
      readonly contender: Contender;
      readonly first: First;
      readonly medians: number[];
      readonly steps: number[];
    }[] = [];
    for (const contender of begin(workload, file, options)) {
      contenders.push(contender);
      options.note(`${workload.name}: ${contender.framework}`);
      try {
        const first = await contender.answer<First>();
        const reference = ready[0]?.first.outputs ?? first.outputs;
        requireEqual(first.outputs, reference);
        ready.push({ contender, first, medians: [], steps: [] });
      } catch (error) {
        failures.push(`${contender.framework}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const counts = new Map<Contender, number>();
    for (let round = -1; round < options.rounds; round++) {
      for (const { contender, medians, steps } of ready) {
        const { stepsMs } = await contender.ask<{ stepsMs: number[] }>(String(counts.get(contender) ?? 5));
        // The first round warms up, and tells how many steps fill a round.
        if (round < 0) {
          counts.set(contender, Math.max(1, Math.round(options.roundMs / median(stepsMs))));
          continue;
        }
        medians.push(median(stepsMs));
        for (const ms of stepsMs) steps.push(ms);
      }
    }
    const measurements: Measurement[] = [];
    for (const { contender, first, medians, steps } of ready) {
      const { peakBytes } = await contender.ask<{ peakBytes: number }>('end');
      measurements.push({
        framework: contender.framework,
        firstMs: first.firstMs,
        medianMs: median(medians),
        slowMs: quantile(steps, 0.99),
        spread: spread(medians),
        peakBytes,
      });
    }
    return { workload: workload.name, title: workload.title, measurements, failures };
  } finally {
    for (const contender of contenders) contender.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts the processes one after the other, each when the one before has been waited for. */
function* begin(workload: Workload, file: string, { python, threads }: BenchOptions): Generator<Contender> {
  const count = String(threads);
  const env = {
    ...process.env,
    EQUINODE_NUM_THREADS: count,
    OMP_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
    XLA_FLAGS: threads === 1 ? '--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1' : '',
    JAX_PLATFORMS: 'cpu',
  };
  yield new Contender('Equinode', process.execPath, [join(__dirname, 'child.js'), workload.name], env);
  if (python === undefined) return;
  const peers = join(packageRoot(), 'scripts', 'peers');
  const given = [workload.name, file, JSON.stringify(workload.settings)];
  yield new Contender('PyTorch', python, [join(peers, 'torch_peer.py'), 'eager', ...given], env);
  yield new Contender('torch.compile', python, [join(peers, 'torch_peer.py'), 'compile', ...given], env);
  yield new Contender('JAX', python, [join(peers, 'jax_peer.py'), ...given], env);
}

function requireEqual(got: readonly number[], expected: readonly number[]): void {
  const agree =
    got.length === expected.length &&
    got.every((value, i) => {
      const wanted = expected[i] ?? NaN;
      return Math.abs(value - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
    });
  if (!agree)
    throw new Error(`expected the numbers of Equinode, [${expected.join(', ')}], got [${got.join(', ')}]`);
}
