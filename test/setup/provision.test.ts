import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cachedRoot } from '../../lib/setup/find-libtorch';
import {
  archiveUrl,
  placeOfArchiveEntry,
  placeOfWheelEntry,
  provisionLibtorch,
} from '../../lib/setup/provision';
import { silentReport } from '../../lib/setup/report';
import { setVariable, useEnvironment } from '../support/environment';
import { useFolder } from '../support/folder';
import { below, libtorchFiles, writeLibtorch, writePython, writeZip } from '../support/libtorch';

const inFolder = useFolder();
const wheelName = 'torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl';
const spec = process.platform === 'linux' ? 'torch==2.13.0+cpu' : 'torch==2.13.0';
const quiet = { report: silentReport };
let count = 0;
useEnvironment(() => ({
  EQUINODE_LIBTORCH: undefined,
  EQUINODE_DEVICE: 'cpu',
  EQUINODE_URL: 'http://127.0.0.1:1',
  EQUINODE_CACHE: inFolder(`cache-${(count += 1)}`),
  EQUINODE_PYTHON: inFolder('absent'),
}));

async function pythonWithWheel(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const wheel = await writeZip(inFolder(`${name}/${wheelName}`), files);
  return writePython(inFolder(`${name}/python`), { pip: true, wheels: { [spec]: [wheel] } });
}

test('a wheel is unpacked into the cache, only what is needed, and found again the next time', async () => {
  const files = {
    ...below('torch', libtorchFiles()),
    'torch/nn/module.py': 'x',
    'torch.libs/libgomp.so.1': 'omp',
  };
  setVariable('EQUINODE_PYTHON', await pythonWithWheel('good', files));
  const first = await provisionLibtorch(quiet);
  expect(first).toEqual({ root: cachedRoot('cpu'), version: '2.13.0', device: 'cpu', source: 'download' });
  expect(existsSync(join(first.root, 'nn'))).toBe(false);
  expect(readFileSync(join(first.root, '..', 'torch.libs', 'libgomp.so.1'), 'utf8')).toBe('omp');
  expect(readdirSync(process.env['EQUINODE_CACHE'] ?? '')).toHaveLength(1);
  setVariable('EQUINODE_PYTHON', inFolder('absent'));
  expect(await provisionLibtorch(quiet)).toEqual({ ...first, source: 'cache' });
});

test('a wheel that holds another version leaves nothing in the cache', async () => {
  const files = below('torch', libtorchFiles({ version: '2.9.0' }));
  setVariable('EQUINODE_PYTHON', await pythonWithWheel('old', files));
  await expect(provisionLibtorch(quiet)).rejects.toThrow(
    'libtorch: what was downloaded does not fit: it is version 2.9.0, and 2.13 or newer is needed.',
  );
  expect(readdirSync(process.env['EQUINODE_CACHE'] ?? '')).toEqual([]);
});

test('a broken folder in the cache is replaced', async () => {
  writeLibtorch(cachedRoot('cpu'), { without: ['share/cmake/Torch/TorchConfig.cmake'] });
  setVariable('EQUINODE_PYTHON', await pythonWithWheel('again', below('torch', libtorchFiles())));
  expect((await provisionLibtorch(quiet)).source).toBe('download');
  expect(existsSync(join(cachedRoot('cpu'), 'share/cmake/Torch/TorchConfig.cmake'))).toBe(true);
});

test('without pip the archive is downloaded from the site that EQUINODE_URL names', async () => {
  const archive = await writeZip(inFolder('libtorch.zip'), below('libtorch', libtorchFiles()));
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.end(readFileSync(archive));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  setVariable('EQUINODE_URL', `${url}/`);
  try {
    const found = await provisionLibtorch(quiet);
    expect(found).toMatchObject({ root: cachedRoot('cpu'), version: '2.13.0', source: 'download' });
  } finally {
    server.close();
  }
  expect(asked).toEqual([archiveUrl('cpu', '')]);
});

test('when nothing succeeds, the error lists what was tried and what to do', async () => {
  const error = await provisionLibtorch(quiet).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'ERR_SETUP' });
  const { message } = error as Error;
  expect(message).toContain('- pip: the active Python has none, or there is no Python');
  expect(message).toContain(archiveUrl('cpu', 'http://127.0.0.1:1'));
  expect(message).toContain('set EQUINODE_LIBTORCH to a libtorch that you have');
  expect(readdirSync(process.env['EQUINODE_CACHE'] ?? '')).toEqual([]);
});

test('Ctrl+C during a download leaves nothing half done', async () => {
  const cache = process.env['EQUINODE_CACHE'] ?? '';
  const started = inFolder('started');
  const python = writePython(inFolder('slow-python'));
  // A pip that begins a download and then hangs.
  writeFileSync(
    python,
    `#!${process.execPath}
const args = process.argv.slice(2);
if (args[2] === 'download') {
  require('node:fs').writeFileSync(${JSON.stringify(started)}, '');
  setInterval(() => undefined, 1000);
}
`,
  );
  mkdirSync(cache, { recursive: true });
  const program = `require('./lib/setup/provision').provisionLibtorch()`;
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', program], {
    env: { ...process.env, EQUINODE_PYTHON: python },
    stdio: 'ignore',
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  while (!existsSync(started)) await sleep(20);
  expect(readdirSync(cache).length).toBeGreaterThan(0);
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(readdirSync(cache)).toEqual([]);
});

test('of a wheel and of an archive, libtorch itself is taken', () => {
  expect(placeOfWheelEntry('torch/lib/libc10.so')).toBe('torch/lib/libc10.so');
  expect(placeOfWheelEntry('nvidia/cudnn/lib/libcudnn.so.9')).toBe('nvidia/cudnn/lib/libcudnn.so.9');
  expect(placeOfWheelEntry('torch/nn/__init__.py')).toBeUndefined();
  expect(placeOfWheelEntry('torch/test/lib/x')).toBeUndefined();
  expect(placeOfArchiveEntry('libtorch/include/a.h')).toBe('torch/include/a.h');
  expect(placeOfArchiveEntry('libtorch/bin/x')).toBeUndefined();
});
