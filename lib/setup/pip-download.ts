import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { driverCudaMajor } from './device';
import { libtorchVersion } from './libtorch';
import type { LibtorchDevice } from './libtorch';
import { activePython } from './python';
import type { Report } from './report';
import { run, tail } from './run';

/** One way to ask pip for torch. */
interface Attempt {
  readonly what: string;
  readonly args: readonly string[];
}

const heartbeatMs = 10_000;

// Any Python's wheel holds the same libtorch, so a Python that torch has no wheel for is no obstacle.
const otherPython = ['--only-binary=:all:', '--implementation', 'cp', '--python-version', '3.11'];

/**
 * Downloads the torch wheel with pip, honouring the user's pip configuration: mirrors, wheel folders, proxies. The CUDA
 * build comes with the wheels of NVIDIA's libraries that it needs.
 *
 * @param device Which build.
 * @param folder Where the wheels go, below it.
 * @param url The site that holds the builds that the Python package index does not.
 * @returns The paths of the wheels; or the reasons why no attempt succeeded.
 */
export async function downloadWithPip(
  device: LibtorchDevice,
  folder: string,
  url: string,
  report: Report,
): Promise<{ wheels: string[] } | { reasons: string[] }> {
  const reasons: string[] = [];
  for (const [index, attempt] of attempts(device, url).entries()) {
    report.line(`downloading libtorch ${libtorchVersion} (${device}) with pip: ${attempt.what}`);
    const target = join(folder, `wheels-${index}`);
    const temporary = join(folder, `pip-${index}`);
    mkdirSync(temporary, { recursive: true });
    const result = await pip(attempt.args, target, temporary, report);
    if (result.status === 0) {
      const wheels = readdirSync(target).filter((name) => name.endsWith('.whl'));
      if (wheels.some((name) => name.startsWith('torch-')))
        return { wheels: wheels.map((name) => join(target, name)) };
      reasons.push(`pip (${attempt.what}): it downloaded no wheel`);
    } else {
      reasons.push(`pip (${attempt.what}): ${reasonOf(result.stdout + result.stderr)}`);
    }
  }
  return { reasons };
}

function attempts(device: LibtorchDevice, url: string): Attempt[] {
  if (device === 'cuda') return cudaAttempts(url);
  // A plain version would take the multi-gigabyte CUDA build from the package index on Linux.
  const spec = process.platform === 'linux' ? `torch==${libtorchVersion}+cpu` : `torch==${libtorchVersion}`;
  const site = ['--extra-index-url', `${url}/whl/cpu`, '--retries', '1', '--timeout', '30'];
  const architecture = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const foreign = [...otherPython, '--platform', `manylinux_2_28_${architecture}`];
  const own: Attempt[] = [
    { what: `${spec} as pip is configured`, args: ['--no-deps', spec] },
    { what: `${spec} from ${url}`, args: ['--no-deps', ...site, spec] },
  ];
  if (process.platform !== 'linux') return own;
  return [...own, { what: `${spec} for another Python`, args: ['--no-deps', ...foreign, ...site, spec] }];
}

function cudaAttempts(url: string): Attempt[] {
  const major = driverCudaMajor();
  // The package index holds the build for the newest CUDA; drivers before that need an older one.
  if (major !== undefined && major < 13) {
    const spec = `torch==${libtorchVersion}+cu126`;
    return [{ what: `${spec} from ${url}`, args: ['--extra-index-url', `${url}/whl/cu126`, spec] }];
  }
  // `===` takes this very string, so that a +cpu build in a wheel folder does not come first.
  return [
    { what: `torch===${libtorchVersion} as pip is configured`, args: [`torch===${libtorchVersion}`] },
    {
      what: `torch==${libtorchVersion}+cu130 from ${url}`,
      args: ['--extra-index-url', `${url}/whl/cu130`, `torch==${libtorchVersion}+cu130`],
    },
  ];
}

async function pip(
  args: readonly string[],
  target: string,
  temporary: string,
  report: Report,
): Promise<{ status: number; stdout: string; stderr: string }> {
  const command = ['-m', 'pip', 'download', '--no-input', '--disable-pip-version-check', '--dest', target];
  // pip's own bar serves a terminal; elsewhere a line now and then says that it is alive.
  if (!report.interactive) command.push('--progress-bar', 'off');
  const heartbeat = report.interactive
    ? undefined
    : setInterval(() => {
        report.line(`downloading: ${Math.round(sizeOf(temporary) / 1e6)} MB so far`);
      }, heartbeatMs);
  try {
    return await run(activePython(), [...command, ...args], {
      env: { TMPDIR: temporary },
      showOutput: report.interactive,
    });
  } finally {
    clearInterval(heartbeat);
  }
}

function sizeOf(folder: string): number {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      bytes += entry.isDirectory() ? sizeOf(path) : statSync(path).size;
    }
  } catch {
    // pip moves files while they are counted.
  }
  return bytes;
}

function reasonOf(output: string): string {
  const errors = output.split('\n').filter((line) => line.startsWith('ERROR:'));
  return (errors[0] ?? tail(output, 1)).replace(/^ERROR:\s*/, '') || 'it failed without a word';
}
