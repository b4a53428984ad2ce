// Runs in a process of its own, so that a crash in native code is something that `equinode doctor` can report.
// Each line of the output is a JSON object: a step that begins, or in the end what was found.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { dtypeInfo } from '../base/dtype';
import { native } from '../native';
import type { Handle } from '../native';

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
  const float32 = dtypeInfo('float32').code;
  const values = Float32Array.of(1, 2, 3, 4);
  const x = addon.fromBytes(values, [2, 2], float32, float32, 'cpu');
  const matmul = addon.resolve('aten::matmul', 'matmul');
  const product = readFour(addon.call(matmul, x, x) as Handle);
  begin('backward');
  addon.setRequiresGrad(x, true);
  const sum = addon.resolve('aten::sum', 'sum');
  const total = addon.call(sum, addon.call(matmul, x, x)) as Handle;
  addon.autogradBackward([total], [], false, false);
  const gradient = readFour(addon.gradOf(x));
  say({
    result: {
      libtorchVersion: addon.libtorchVersion,
      libtorchFolder: loadedFrom(),
      cpuCapability: addon.cpuCapability(),
      threads: addon.numThreads(),
      cudaDevices: addon.cudaDeviceCount(),
      matmul: product,
      gradient,
    },
  });
}

function readFour(handle: Handle): number[] {
  const values = new Float32Array(4);
  native().readInto(handle, values, dtypeInfo('float32').code, 'doctor');
  return [...values];
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
