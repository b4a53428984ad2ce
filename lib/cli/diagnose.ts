import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { flagsInForce } from '../base/flags';
import { addonPath, cacheFolder, findLibtorch, hasCudaDriver, missingTools, run, tail } from '../setup';
import type { Libtorch } from '../setup';
import type { ProbeLine, ProbeResult, ProbeStep } from './probe';

/** What `equinode doctor` found; with `--json` it prints this. */
export interface Diagnosis {
  readonly ok: boolean;
  readonly node: { readonly version: string; readonly platform: string; readonly problem: string | null };
  readonly libtorch: (Libtorch & { readonly problem: null }) | { readonly problem: string };
  readonly addon: { readonly path: string; readonly built: boolean; readonly problem: string | null };
  /** The addon at work in a process of its own; `null` when there is no addon. */
  readonly probe: Probe | null;
  readonly cuda: { readonly driver: boolean; readonly devices: number | null };
  readonly cache: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What to do, one action each, in order. */
  readonly remedies: readonly string[];
}

/** How far the addon came. */
export interface Probe {
  readonly result: ProbeResult | null;
  /** The step that failed, and why; both `null` when all went well. */
  readonly failedStep: ProbeStep | null;
  readonly problem: string | null;
}

const oldestNode: readonly [number, number] = [20, 17];
const installCommand = 'npx equinode libtorch install';
// X X and the gradient of sum(X X) for X = [[1, 2], [3, 4]]: 1 X^T + X^T 1, by hand.
const expectedProduct = '7,10,15,22';
const expectedGradient = '7,11,9,13';

/** Looks at everything that Equinode needs, from Node to a backward pass. It changes nothing. */
export async function diagnose(probeFile: string = join(__dirname, 'probe')): Promise<Diagnosis> {
  const nodeProblem = problemOfNode();
  const libtorch = lookForLibtorch();
  const path = addonPath();
  const built = existsSync(path);
  const probe = built ? await runProbe(probeFile) : null;
  const addonProblem = built ? (probe?.failedStep === 'load' ? probe.problem : null) : 'it is not built';
  const remedies: string[] = [];
  if (nodeProblem !== null) remedies.push(`Install Node ${oldestNode.join('.')} or newer.`);
  if (libtorch.problem !== null || !built || probe?.failedStep === 'load') {
    const missing = missingTools();
    if (missing.length > 0) {
      remedies.push(`Run \`apt-get install ${missing.map((tool) => tool.debianPackage).join(' ')}\`.`);
    }
    remedies.push(`Run \`${installCommand}\` to get libtorch and build the addon.`);
  } else if (probe !== null && probe.problem !== null) {
    remedies.push(
      `Delete ${join(path, '..', '..')} and run \`${installCommand}\`; if that does not help, please report it with this output.`,
    );
  }
  if (hasCudaDriver() && probe?.result?.cudaDevices === 0) {
    remedies.push(`To use the GPU, run \`${installCommand} --cuda\`.`);
  }
  return {
    ok:
      nodeProblem === null &&
      addonProblem === null &&
      probe !== null &&
      probe.problem === null &&
      libtorch.problem === null,
    node: {
      version: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
      problem: nodeProblem,
    },
    libtorch,
    addon: { path, built, problem: addonProblem },
    probe,
    cuda: { driver: hasCudaDriver(), devices: probe?.result?.cudaDevices ?? null },
    cache: cacheFolder(),
    environment: flagsInForce(),
    remedies,
  };
}

function problemOfNode(): string | null {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isOld = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
  return isOld ? `it is older than ${oldestNode.join('.')}` : null;
}

function lookForLibtorch(): Diagnosis['libtorch'] {
  try {
    const found = findLibtorch();
    return found === undefined ? { problem: 'none was found' } : { ...found, problem: null };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

async function runProbe(probeFile: string): Promise<Probe> {
  const child = await run(process.execPath, [...process.execArgv, probeFile]);
  let step: ProbeStep = 'load';
  let result: ProbeResult | null = null;
  let problem: string | null = null;
  for (const text of child.stdout.split('\n').filter((line) => line.startsWith('{'))) {
    const line = JSON.parse(text) as ProbeLine;
    if ('step' in line) step = line.step;
    else if ('result' in line) result = line.result;
    else problem = line.error;
  }
  if (child.signal !== null) problem = `it ended the process with ${child.signal}`;
  else if (result === null) problem ??= tail(child.stderr, 3);
  if (result !== null) {
    const wrong = wrongNumbers(result);
    if (wrong !== undefined) return { result, failedStep: wrong, problem: 'it computed wrong numbers' };
  }
  return { result, failedStep: problem === null ? null : step, problem };
}

function wrongNumbers(result: ProbeResult): ProbeStep | undefined {
  if (result.matmul.join() !== expectedProduct) return 'matmul';
  return result.gradient.join() === expectedGradient ? undefined : 'backward';
}
