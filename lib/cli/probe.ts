// Runs in a process of its own, so that a crash in native code is something that `equinode doctor` can report.
// Each line of the output is a JSON object: a step that begins, or in the end what was found.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { grad, tensor } from '../index';
import type { Tensor } from '../index';
import { native } from '../native';

/** The steps of the probe, in order. */
export type ProbeStep = 'load' | 'matmul' | 'backward';

/** What a probe that came to its end reports. */
export interface ProbeResult {
  readonly libtorchVersion: string;
  /** The folder of the libtorch library that is loaded; `null` where the system does not say. */
  readonly libtorchFolder: string | null;
  readonly cpuCapability: string;
  readonly threads: number;
  readonly cudaDevices: number;
  readonly matmul: readonly number[];
  readonly gradient: readonly number[];
}

/** One line of the probe's output. */
export type ProbeLine =
  { readonly step: ProbeStep } | { readonly result: ProbeResult } | { readonly error: string };

function main(): void {
  begin('load');
  const addon = native();
  begin('matmul');
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const product = x.matmul(x).toArray();
  begin('backward');
  const gradient = grad((at: Tensor) => at.matmul(at).sum())(x).toArray();
  say({
    result: {
      libtorchVersion: addon.libtorchVersion,
      libtorchFolder: loadedFrom(),
      cpuCapability: addon.cpuCapability(),
      threads: addon.numThreads(),
      cudaDevices: addon.cudaDeviceCount(),
      matmul: [product].flat(2).map(Number),
      gradient: [gradient].flat(2).map(Number),
    },
  });
}

function loadedFrom(): string | null {
  try {
    const library = /\S+\/libtorch_cpu\.so$/m.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0];
    return library === undefined ? null : dirname(dirname(library));
  } catch {
    // No /proc on this system.
    return null;
  }
}

function begin(step: ProbeStep): void {
  say({ step });
}

function say(line: ProbeLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

if (require.main === module) {
  try {
    main();
  } catch (error) {
    say({ error: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  }
}
