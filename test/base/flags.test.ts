import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { flag, flags, flagsInForce } from '../../lib/base/flags';
import { setVariable, useEnvironment } from '../support/environment';

useEnvironment(() => Object.fromEntries(flags.map(({ name }) => [name, undefined])));

test('an empty variable counts as not set', () => {
  expect(flag('EQUINODE_CACHE')).toBeUndefined();
  setVariable('EQUINODE_CACHE', '');
  expect(flag('EQUINODE_CACHE')).toBeUndefined();
  expect(flagsInForce()).toEqual({});
});

test('the variables in force are those that are set', () => {
  setVariable('EQUINODE_CACHE', '/cache');
  setVariable('EQUINODE_DEBUG', '1');
  expect(flag('EQUINODE_CACHE')).toBe('/cache');
  expect(flagsInForce()).toEqual({ EQUINODE_CACHE: '/cache', EQUINODE_DEBUG: '1' });
});

test('every variable that the sources read is in the table', () => {
  const known = new Set<string>(flags.map(({ name }) => name));
  const read = new Set<string>();
  for (const folder of ['lib', 'native', 'examples', 'scripts']) {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.(ts|mjs|cpp|h)$|^(setup|test|quickstart)$/.test(entry.name)) continue;
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
      const names = text.matchAll(/(?:getenv\("|process\.env\[?['".]+|\$\{?)(EQUINODE_[A-Z_]+)/g);
      for (const [, variable = ''] of names) read.add(variable);
    }
  }
  expect([...read].filter((name) => !known.has(name))).toEqual([]);
});
