import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from '../base/errors';
import { flag } from '../base/flags';
import { cacheFolder, fillCached, withPartialFolder } from './cache';
import { chooseDevice, driverCudaMajor } from './device';
import { downloadFile } from './download';
import { cachedName, cachedRoot, findLibtorch } from './find-libtorch';
import type { FindOptions } from './find-libtorch';
import { inspectLibtorch, libtorchVersion } from './libtorch';
import type { Libtorch, LibtorchDevice } from './libtorch';
import { downloadWithPip } from './pip-download';
import { hasPip } from './python';
import { consoleReport } from './report';
import type { Report } from './report';
import { unpackZip } from './unpack';

const defaultUrl = 'https://download.pytorch.org';

/**
 * Gets a libtorch: one that is on this machine (see `findLibtorch`), else a download into the cache.
 *
 * @throws ERR_SETUP when EQUINODE_LIBTORCH does not fit, or no download succeeded; the message lists what was tried.
 */
export async function provisionLibtorch(options: FindOptions = {}): Promise<Libtorch> {
  const report = options.report ?? consoleReport();
  const found = findLibtorch({ ...options, report });
  if (found !== undefined) return found;
  const choice = chooseDevice(options.device);
  try {
    return await download(choice.device, report);
  } catch (error) {
    if (choice.asked || choice.device === 'cpu') throw error;
    report.line(`${(error as Error).message}\ntrying the CPU build instead`);
    return download('cpu', report);
  }
}

async function download(device: LibtorchDevice, report: Report): Promise<Libtorch> {
  if (!isPublished()) {
    throw new SetupError(
      `libtorch: there is no ready-made build for ${process.platform}-${process.arch}. ` +
        'Set EQUINODE_LIBTORCH to the folder of one that you have built.',
    );
  }
  const root = cachedRoot(device);
  // What lies there already did not fit, or it would have been found.
  if (existsSync(root)) rmSync(join(cacheFolder(), cachedName(device)), { recursive: true, force: true });
  await fillCached(cachedName(device), async (contents) => {
    await withPartialFolder(async (scratch) => {
      await downloadAndUnpack(device, scratch, contents, report);
    });
    const got = inspectLibtorch(join(contents, 'torch'));
    const wrong = got.fits
      ? got.device === device
        ? undefined
        : `it is the ${got.device} build, and ${device} was asked for`
      : got.reason;
    if (wrong !== undefined) throw new SetupError(`libtorch: what was downloaded does not fit: ${wrong}.`);
  });
  const got = inspectLibtorch(root);
  if (!got.fits) throw new SetupError(`libtorch: ${root} does not fit: ${got.reason}.`);
  report.line(`libtorch ${got.version} (${got.device}) is in the cache: ${root}`);
  return { root, version: got.version, device: got.device, source: 'download' };
}

function isPublished(): boolean {
  const { platform, arch } = process;
  return platform === 'linux'
    ? arch === 'x64' || arch === 'arm64'
    : platform === 'darwin' && arch === 'arm64';
}

async function downloadAndUnpack(
  device: LibtorchDevice,
  scratch: string,
  contents: string,
  report: Report,
): Promise<void> {
  const url = (flag('EQUINODE_URL') ?? defaultUrl).replace(/\/+$/, '');
  const reasons: string[] = [];
  if (hasPip()) {
    const result = await downloadWithPip(device, scratch, url, report);
    if ('wheels' in result) {
      for (const wheel of result.wheels) {
        await unpackZip(wheel, contents, { place: placeOfWheelEntry, title: 'unpacking', report });
      }
      return;
    }
    reasons.push(...result.reasons);
  } else {
    reasons.push('pip: the active Python has none, or there is no Python');
  }
  const archive = join(scratch, 'libtorch.zip');
  const site = archiveUrl(device, url);
  report.line(`downloading libtorch ${libtorchVersion} (${device}) from ${site}`);
  try {
    await downloadFile(site, archive, 'downloading', report);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    throw new SetupError(
      `libtorch: no download succeeded. Tried:\n${[...reasons, error.message].map((reason) => `  - ${reason}`).join('\n')}\n` +
        'Check the network and the proxy, name a mirror with EQUINODE_URL, or set EQUINODE_LIBTORCH to a libtorch that you have.',
      { cause: error },
    );
  }
  await unpackZip(archive, contents, { place: placeOfArchiveEntry, title: 'unpacking', report });
}

/** Where the official archive of a build is: one folder a build, `+` written as in a URL. */
export function archiveUrl(device: LibtorchDevice, url: string): string {
  if (process.platform === 'darwin') {
    return `${url}/libtorch/cpu/libtorch-macos-arm64-${libtorchVersion}.zip`;
  }
  const build = device === 'cpu' ? 'cpu' : (driverCudaMajor() ?? 13) < 13 ? 'cu126' : 'cu130';
  return `${url}/libtorch/${build}/libtorch-shared-with-deps-${libtorchVersion}%2B${build}.zip`;
}

/**
 * What of a wheel is unpacked, and where: libtorch itself, and the libraries that its runpath looks for beside it
 * (`torch.libs`, and `nvidia` in CUDA builds), all at the places that they have in a Python installation.
 */
export function placeOfWheelEntry(name: string): string | undefined {
  return /^(torch\/(lib|include|share)|torch\.libs|nvidia)\//.test(name) ? name : undefined;
}

/** The same for the official archive, whose top folder is `libtorch`. */
export function placeOfArchiveEntry(name: string): string | undefined {
  return /^libtorch\/(lib|include|share)\//.test(name) ? name.replace(/^libtorch/, 'torch') : undefined;
}
