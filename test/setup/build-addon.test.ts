import { writeFileSync } from 'node:fs';
import { addonPath, loadingError } from '../../lib/setup/build-addon';
import { packageRoot } from '../../lib/setup/package-root';
import { useFolder } from '../support/folder';

const inFolder = useFolder();

test('the package root is the folder of package.json, and the addon lies in its build folder', () => {
  expect(packageRoot()).toBe(process.cwd());
  expect(addonPath()).toBe(`${process.cwd()}/build/Release/equinode.node`);
});

test('an addon that is missing or no library says so', async () => {
  expect(await loadingError(inFolder('none.node'))).toBe(`there is no ${inFolder('none.node')}`);
  writeFileSync(inFolder('text.node'), 'no library');
  expect(await loadingError(inFolder('text.node'))).toMatch(/text\.node/);
});

test('an addon that ends the process is an answer, not a crash', async () => {
  const crashing = inFolder('crash.js');
  writeFileSync(crashing, 'process.kill(process.pid, "SIGSEGV");');
  expect(await loadingError(crashing)).toBe('loading it ended the process with SIGSEGV');
});

test('an addon that loads has no error', async () => {
  writeFileSync(inFolder('fine.js'), '');
  expect(await loadingError(inFolder('fine.js'))).toBeUndefined();
});
