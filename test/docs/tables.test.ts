import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as equinode from 'equinode';
import { flags } from '../../lib/base/flags';
import { codeIn, exists, localLinks, readPage, root, tablesOf, userPages } from '../support/pages';

function rowsOf(path: string, firstHeader: string): string[][] {
  const table = tablesOf(readPage(path)).find(({ header }) => header[0] === firstHeader);
  return (table?.rows ?? []).map((row) => row.map(({ text }) => text));
}

test('the README lists every environment variable, as the library describes it', () => {
  expect(rowsOf('README.md', 'Variable')).toEqual(
    flags.map(({ name, meaning, default: value }) => [`\`${name}\``, meaning, value]),
  );
});

test('the README lists every namespace', () => {
  const listed = rowsOf('README.md', 'Namespace').flatMap(([name]) => codeIn(name ?? ''));
  const exported = Object.entries(equinode).filter(
    ([, value]) => typeof value === 'object' && !Array.isArray(value),
  );
  expect(listed.sort()).toEqual(exported.map(([name]) => name).sort());
});

test('every namespace but cuda is a subpath of the package, and there is no other', () => {
  const { exports } = JSON.parse(readPage('package.json')) as { exports: Readonly<Record<string, unknown>> };
  const subpaths = Object.keys(exports).map((path) => path.slice(2));
  const listed = rowsOf('README.md', 'Namespace').flatMap(([name]) => codeIn(name ?? ''));
  expect(subpaths.sort()).toEqual(['', 'package.json', ...listed.filter((name) => name !== 'cuda')].sort());
});

test('the page on layers lists every layer', () => {
  const listed = rowsOf('docs/nn.md', 'Layer').flatMap(([name]) => codeIn(name ?? ''));
  const exported = Object.keys(equinode.nn).filter((name) => /^[A-Z]/.test(name));
  expect(listed.sort()).toEqual(exported.sort());
});

test('the page on errors lists every class with its code', () => {
  const listed = rowsOf('docs/errors.md', 'Code').map((row) => codeIn(row.slice(0, 2).join(' ')));
  const all = Object.values<unknown>(equinode as object as Record<string, unknown>).filter(isErrorClass);
  expect(listed).toEqual(all.map((Class) => [new Class('').code, Class.name]).sort());
});

test('the page on random numbers lists every function', () => {
  const listed = rowsOf('docs/random.md', 'Kind').flatMap(([, names]) => codeIn(names ?? ''));
  expect(listed.sort()).toEqual(Object.keys(equinode.random).sort());
});

test('the page on optimisers lists every function', () => {
  const listed = rowsOf('docs/optim.md', 'Kind').flatMap(([, names]) => codeIn(names ?? ''));
  expect(listed.sort()).toEqual(Object.keys(equinode.optim).sort());
});

function isErrorClass(value: unknown): value is new (message: string) => equinode.EquinodeError {
  return typeof value === 'function' && value.prototype instanceof equinode.EquinodeError;
}

type Layers = Readonly<Record<string, readonly string[]>>;

function enforcedLayers(): { lib: Layers; native: Layers } {
  const { typescript, native } = JSON.parse(readFileSync(join(root, 'scripts/layers.json'), 'utf8')) as {
    typescript: { layers: Layers };
    native: { layers: Readonly<Record<string, { layers: string[]; libraries: string[] }>> };
  };
  const both = Object.entries(native.layers).map(([name, { layers, libraries }]) => [
    name,
    [...layers, ...libraries],
  ]);
  return { lib: typescript.layers, native: Object.fromEntries(both) as Layers };
}

test.each(['lib', 'native'] as const)('%s/README.md has the layers that are enforced', (folder) => {
  const enforced = enforcedLayers()[folder];
  // The table of layers also has rooms that nothing is in yet.
  const isThere = (name: string): boolean =>
    !(name in enforced) || exists(join(folder, name)) || exists(join(folder, `${name}.ts`));
  const expected = Object.entries(enforced)
    .filter(([name]) => isThere(name))
    .map(([name, allowed]) => [name, allowed.filter(isThere).join(', ')]);
  const listed = rowsOf(`${folder}/README.md`, folder === 'lib' ? 'Folder or file' : 'Folder');
  expect(listed.map(([name, , allowed]) => [name, allowed === 'nothing' ? '' : allowed])).toEqual(expected);
});

test.each(['lib', 'native'])('%s/README.md names every NOTE of its folder', (folder) => {
  const page = readPage(`${folder}/README.md`).replaceAll('\n', ' ');
  const sources = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|h|cpp)$/.test(name))
    .map((name) => readPage(join(folder, name)));
  const defined = sources.flatMap((text) =>
    [...text.matchAll(/NOTE \[([^\]]+)\]:/g)].map((found) => found[1]),
  );
  expect(defined.length).toBeGreaterThan(0);
  expect(defined.filter((name) => !page.includes(`[${name}]`))).toEqual([]);
});

const pages = [...userPages(), 'lib/README.md', 'native/README.md', 'CHANGELOG.md'];

test.each(pages)('every file that %s links to is there', (page) => {
  const missing = localLinks(readPage(page)).filter((target) => !exists(join(dirname(page), target)));
  expect(missing).toEqual([]);
});

test.each(['lib/README.md', 'native/README.md'])('%s has at most 60 lines', (page) => {
  expect(readPage(page).trimEnd().split('\n').length).toBeLessThanOrEqual(60);
});
