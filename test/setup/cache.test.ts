import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, fillCached, withPartialFolder } from '../../lib/setup/cache';
import { setVariable, useEnvironment } from '../support/environment';
import { useFolder } from '../support/folder';

const inFolder = useFolder();
useEnvironment(() => ({ EQUINODE_CACHE: inFolder('cache') }));

test('the cache folder is EQUINODE_CACHE, else below XDG_CACHE_HOME, else below the home folder', () => {
  expect(cacheFolder()).toBe(inFolder('cache'));
  setVariable('EQUINODE_CACHE', undefined);
  setVariable('XDG_CACHE_HOME', '/xdg');
  expect(cacheFolder()).toBe('/xdg/equinode');
  setVariable('XDG_CACHE_HOME', undefined);
  expect(cacheFolder()).toBe(join(homedir(), '.cache', 'equinode'));
});

test('a filled folder appears under its name, and nothing else is left', async () => {
  const folder = await fillCached('whole', (partial) => {
    writeFileSync(join(partial, 'file'), 'text');
    return Promise.resolve();
  });
  expect(folder).toBe(inFolder('cache/whole'));
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('text');
  expect(partials()).toEqual([]);
});

test('a folder whose filling fails leaves nothing', async () => {
  const filling = fillCached('broken', (partial) => {
    writeFileSync(join(partial, 'file'), 'half');
    return Promise.reject(new Error('the line broke'));
  });
  await expect(filling).rejects.toThrow('the line broke');
  expect(existsSync(inFolder('cache/broken'))).toBe(false);
  expect(partials()).toEqual([]);
});

test('of two set-ups at once the first to finish wins, and both succeed', async () => {
  const fill = (text: string) => (partial: string) => {
    writeFileSync(join(partial, 'file'), text);
    return Promise.resolve();
  };
  const folders = await Promise.all([fillCached('race', fill('a')), fillCached('race', fill('b'))]);
  expect(folders).toEqual([inFolder('cache/race'), inFolder('cache/race')]);
  expect(['a', 'b']).toContain(readFileSync(inFolder('cache/race/file'), 'utf8'));
});

test('what a killed set-up left is removed, what a running one works in is kept', async () => {
  // No Linux process has this id: it is above the kernel's limit.
  const abandoned = inFolder(`cache/.partial-${hostname()}-4194999-abc`);
  const running = inFolder(`cache/.partial-${hostname()}-${process.pid}-abc`);
  const elsewhere = inFolder('cache/.partial-another.host-4194999-abc');
  for (const folder of [abandoned, running, elsewhere]) mkdirSync(folder, { recursive: true });
  await withPartialFolder(() => Promise.resolve());
  expect([abandoned, running, elsewhere].map((folder) => existsSync(folder))).toEqual([false, true, true]);
});

function partials(): string[] {
  return readdirSync(inFolder('cache')).filter((name) => name.startsWith('.partial-'));
}
