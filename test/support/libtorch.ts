import { chmodSync, createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';

export interface FakeLibtorch {
  readonly version?: string;
  readonly cuda?: boolean;
  /** Files that are left out. */
  readonly without?: readonly string[];
}

/** The files that make a folder look like a libtorch, by their path in it. */
export function libtorchFiles(options: FakeLibtorch = {}): Record<string, string> {
  const [major = '', minor = '', patch = ''] = (options.version ?? '2.13.0').split('.');
  const files: Record<string, string> = {
    'share/cmake/Torch/TorchConfig.cmake': '# Torch',
    'include/torch/headeronly/version.h':
      `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n` +
      `#define TORCH_VERSION_PATCH ${patch}\n`,
  };
  for (const name of ['torch', 'torch_cpu', 'c10', ...(options.cuda === true ? ['torch_cuda'] : [])]) {
    files[`lib/lib${name}.so`] = `library ${name}`;
    files[`lib/lib${name}.dylib`] = `library ${name}`;
  }
  return Object.fromEntries(
    Object.entries(files).filter(([name]) => options.without?.includes(name) !== true),
  );
}

/** Writes such a folder. */
export function writeLibtorch(folder: string, options?: FakeLibtorch): string {
  for (const [name, text] of Object.entries(libtorchFiles(options))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Writes a zip file with these files, all executable, as the libraries of a wheel are. */
export async function writeZip(path: string, files: Readonly<Record<string, string>>): Promise<string> {
  const zip = new ZipFile();
  for (const [name, text] of Object.entries(files))
    zip.addBuffer(Buffer.from(text), name, { mode: 0o100755 });
  zip.end();
  mkdirSync(dirname(path), { recursive: true });
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

/** The same files below another folder. */
export function below(folder: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));
}

export interface FakePython {
  /** What stands where the `torch` package is; none when absent. */
  readonly torch?: string;
  /** Whether there is pip. */
  readonly pip?: boolean;
  /** The wheels that `pip download` gives for a requirement, such as `torch==2.13.0+cpu`. */
  readonly wheels?: Readonly<Record<string, readonly string[]>>;
  /** Where the arguments of each `pip download` go, one JSON list a line. */
  readonly log?: string;
}

/** Writes a program that answers as a Python of that kind does. */
export function writePython(path: string, python: FakePython = {}): string {
  const body = `#!${process.execPath}
const python = ${JSON.stringify(python)};
const fs = require('node:fs');
const { basename, join } = require('node:path');
const args = process.argv.slice(2);
if (args[0] === '-c') {
  console.log(python.torch ?? '');
} else if (args[0] === '-m' && args[1] === 'pip' && python.pip === true) {
  if (args[2] === 'download') {
    if (python.log) fs.appendFileSync(python.log, JSON.stringify(args) + '\\n');
    const wheels = python.wheels?.[args.at(-1)];
    if (wheels === undefined) {
      console.error('ERROR: No matching distribution found for ' + args.at(-1));
      process.exit(1);
    }
    const target = args[args.indexOf('--dest') + 1];
    fs.mkdirSync(target, { recursive: true });
    for (const wheel of wheels) fs.copyFileSync(wheel, join(target, basename(wheel)));
  }
} else {
  process.exit(1);
}
`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, body);
  chmodSync(path, 0o755);
  return path;
}
