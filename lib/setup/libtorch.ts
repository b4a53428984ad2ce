import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The libtorch that set-up downloads. */
export const libtorchVersion = '2.13.0';

/** The oldest libtorch that the addon builds with: its major and minor number. */
export const oldestLibtorch: readonly [number, number] = [2, 13];

export type LibtorchDevice = 'cpu' | 'cuda';

/** Which step of the resolution found a libtorch. */
export type LibtorchSource = 'EQUINODE_LIBTORCH' | 'cache' | 'python' | 'download';

/** A libtorch that the addon can be built with. */
export interface Libtorch {
  /** The folder that holds lib, include and share/cmake/Torch. */
  readonly root: string;
  /** Such as "2.13.0". */
  readonly version: string;
  readonly device: LibtorchDevice;
  readonly source: LibtorchSource;
}

/** What a folder turned out to hold: a libtorch that fits, or the reason why it does not. */
export type Inspection =
  | { readonly fits: true; readonly version: string; readonly device: LibtorchDevice }
  | { readonly fits: false; readonly reason: string };

const extension = process.platform === 'darwin' ? 'dylib' : 'so';

/** The path of one of libtorch's libraries, such as `torch_cpu`, in the folder `root`. */
export function libraryPath(root: string, name: string): string {
  return join(root, 'lib', `lib${name}.${extension}`);
}

/** Looks whether a folder holds a libtorch of a version that fits, with all that a build needs. */
export function inspectLibtorch(root: string): Inspection {
  if (!existsSync(root)) return { fits: false, reason: 'there is no such folder' };
  const needed = [
    join(root, 'share', 'cmake', 'Torch', 'TorchConfig.cmake'),
    libraryPath(root, 'torch'),
    libraryPath(root, 'torch_cpu'),
    libraryPath(root, 'c10'),
  ];
  for (const file of needed) {
    if (!existsSync(file)) return { fits: false, reason: `it has no ${file.slice(root.length + 1)}` };
  }
  const version = versionOf(root);
  if (version === undefined) {
    return { fits: false, reason: 'its headers (include/torch/headeronly/version.h) name no version' };
  }
  if (!isSupported(version)) {
    return {
      fits: false,
      reason: `it is version ${version}, and ${oldestLibtorch.join('.')} or newer is needed`,
    };
  }
  return { fits: true, version, device: existsSync(libraryPath(root, 'torch_cuda')) ? 'cuda' : 'cpu' };
}

function versionOf(root: string): string | undefined {
  const header = join(root, 'include', 'torch', 'headeronly', 'version.h');
  if (existsSync(header)) {
    const text = readFileSync(header, 'utf8');
    const parts = ['MAJOR', 'MINOR', 'PATCH'].map(
      (part) => new RegExp(`^#define TORCH_VERSION_${part} (\\d+)`, 'm').exec(text)?.[1],
    );
    if (parts.every((part) => part !== undefined)) return parts.join('.');
  }
  // Releases before the headers moved; only to name the version that is too old.
  for (const file of ['build-version', 'version.py']) {
    const path = join(root, file);
    const found = existsSync(path) ? /\d+\.\d+\.\d+/.exec(readFileSync(path, 'utf8'))?.[0] : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > oldestLibtorch[0] || (major === oldestLibtorch[0] && minor >= oldestLibtorch[1]);
}
