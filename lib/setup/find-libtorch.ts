import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SetupError } from '../base/errors';
import { flag } from '../base/flags';
import { cacheFolder } from './cache';
import { chooseDevice } from './device';
import type { DeviceChoice } from './device';
import { inspectLibtorch, libtorchVersion } from './libtorch';
import type { Inspection, Libtorch, LibtorchDevice } from './libtorch';
import { torchOfPython } from './python';
import { silentReport } from './report';
import type { Report } from './report';

/** The name of the folder in the cache that holds a build of libtorch. */
export function cachedName(device: LibtorchDevice): string {
  return `libtorch-${libtorchVersion}-${device}-${process.platform}-${process.arch}`;
}

/** Where set-up keeps a build of libtorch: the folder `torch`, beside the libraries that it needs. */
export function cachedRoot(device: LibtorchDevice): string {
  return join(cacheFolder(), cachedName(device), 'torch');
}

export interface FindOptions {
  readonly device?: LibtorchDevice | undefined;
  readonly report?: Report | undefined;
}

/**
 * Finds the libtorch to use among those that are on this machine: `EQUINODE_LIBTORCH`, else the cached one, else the
 * `torch` of the active Python. It downloads nothing.
 *
 * @returns `undefined` if there is none that fits.
 * @throws ERR_SETUP when EQUINODE_LIBTORCH is set and does not fit, or EQUINODE_DEVICE is neither cpu nor cuda.
 */
export function findLibtorch(options: FindOptions = {}): Libtorch | undefined {
  const report = options.report ?? silentReport;
  const choice = chooseDevice(options.device);
  return fromFlag(choice, report) ?? fromCache(choice, report) ?? fromPython(choice, report);
}

function fromFlag(choice: DeviceChoice, report: Report): Libtorch | undefined {
  const folder = flag('EQUINODE_LIBTORCH');
  if (folder === undefined) return undefined;
  const root = resolve(folder);
  const found = inspectLibtorch(root);
  if (!found.fits) throw unfit(root, found.reason);
  if (choice.asked && choice.device === 'cuda' && found.device === 'cpu') {
    throw unfit(root, 'it is a CPU build, and the CUDA build was asked for');
  }
  report.line(`libtorch ${found.version} (${found.device}) from EQUINODE_LIBTORCH: ${root}`);
  return { root, version: found.version, device: found.device, source: 'EQUINODE_LIBTORCH' };
}

function unfit(root: string, reason: string): SetupError {
  return new SetupError(
    `EQUINODE_LIBTORCH: expected a folder with a libtorch that fits, got ${root}: ${reason}. ` +
      'Name another folder, or unset the variable to let set-up find or download one.',
  );
}

function fromCache(choice: DeviceChoice, report: Report): Libtorch | undefined {
  for (const device of acceptable(choice)) {
    const root = cachedRoot(device);
    if (!existsSync(root)) continue;
    const found = inspectLibtorch(root);
    if (!found.fits) {
      report.line(`the cached libtorch in ${root} is not used: ${found.reason}`);
      continue;
    }
    report.line(`libtorch ${found.version} (${found.device}) from the cache: ${root}`);
    return { root, version: found.version, device: found.device, source: 'cache' };
  }
  return undefined;
}

function fromPython(choice: DeviceChoice, report: Report): Libtorch | undefined {
  const root = torchOfPython();
  if (root === undefined) return undefined;
  const found: Inspection = inspectLibtorch(root);
  if (!found.fits) {
    report.line(`the torch of the active Python (${root}) is not used: ${found.reason}`);
    return undefined;
  }
  if (!acceptable(choice).includes(found.device)) {
    report.line(
      `the torch of the active Python (${root}) is not used: it is the ${found.device} build, and ${choice.device} is wanted`,
    );
    return undefined;
  }
  report.line(`libtorch ${found.version} (${found.device}) from the active Python: ${root}`);
  return { root, version: found.version, device: found.device, source: 'python' };
}

/** The builds that serve a choice, best first: a guessed CUDA may be the CPU build that is there, no more. */
function acceptable(choice: DeviceChoice): readonly LibtorchDevice[] {
  if (choice.device === 'cpu') return ['cpu'];
  return choice.asked ? ['cuda'] : ['cuda', 'cpu'];
}
