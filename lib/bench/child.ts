/**
 * Runs one workload in a process of its own, as `run.ts` asks on standard input, a line each: a number of steps to time,
 * or `end`. Answers with a line of JSON each: first what the first step took and gave, then the milliseconds of every
 * step, last the peak of the memory.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { workloads } from './workloads';

async function main(name: string | undefined): Promise<void> {
  const workload = workloads.find((one) => one.name === name);
  if (workload === undefined) throw new Error(`bench: there is no workload ${String(name)}`);
  const session = workload.start();
  const say = (answer: object): void => {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  };
  const started = performance.now();
  const outputs = session.first();
  say({ firstMs: performance.now() - started, outputs });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'end') break;
    const stepsMs: number[] = [];
    for (let i = Number(line); i > 0; i--) {
      const begun = performance.now();
      await session.step();
      stepsMs.push(performance.now() - begun);
    }
    say({ stepsMs });
  }
  say({ peakBytes: peakBytes() });
  process.stdin.destroy();
}

/** Of this program alone: what getrusage says counts that of the process which started it, too. */
function peakBytes(): number {
  const { maxRSS } = process.resourceUsage();
  if (process.platform !== 'linux') return 1024 * maxRSS;
  const found = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return 1024 * Number(found?.[1] ?? maxRSS);
}

void main(process.argv[2]);
