import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useFolder } from '../support/folder';
import { builtFolder, runNode, type Ended } from '../support/program';

const inFolder = useFolder();
const root = join(__dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>;
};
const subpaths = Object.keys(manifest.exports)
  .filter((name) => name !== './package.json')
  .map((name) => name.replace('.', 'equinode'));

/** Installs the package in a folder of its own: all that npm would, but no addon. */
function installed(): string {
  const folder = inFolder('program');
  const place = join(folder, 'node_modules/equinode');
  mkdirSync(place, { recursive: true });
  cpSync(builtFolder, join(place, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(place, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
  return folder;
}

let folder = '';
beforeAll(() => {
  folder = installed();
});

/** Runs a program beside the installed package. */
async function run(name: string, text: string): Promise<Ended> {
  writeFileSync(join(folder, name), text);
  return runNode([join(folder, name)], { cwd: folder });
}

test.each(subpaths)('%s resolves for import and for require, to the same module', async (name) => {
  const ended = await run(
    'resolve.mjs',
    `import { createRequire } from 'node:module';
    import * as imported from '${name}';
    const required = createRequire(import.meta.url)('${name}');
    const names = Object.keys(required);
    console.log(JSON.stringify({
      some: names.length > 0,
      lost: names.filter((one) => one !== '__esModule' && imported[one] !== required[one]),
    }));`,
  );
  expect([ended.stderr, JSON.parse(ended.stdout)]).toEqual(['', { some: true, lost: [] }]);
});

test('each namespace of the whole is its subpath', async () => {
  const names = subpaths.map((name) => name.replace(/^equinode\/?/, '')).filter((name) => name !== '');
  const ended = await run(
    'same.cjs',
    `const eqx = require('equinode');
    console.log(JSON.stringify(${JSON.stringify(names)}.filter((name) => {
      const part = require('equinode/' + name);
      return Object.keys(part).some((one) => eqx[name]?.[one] !== part[one]);
    })));`,
  );
  expect(ended.stdout).toBe('[]\n');
});

test('importing takes less than 0.4 s', async () => {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const ended = await run(
      'time.mjs',
      `const started = performance.now();
      await import('equinode');
      console.log(performance.now() - started);`,
    );
    times.push(Number(ended.stdout));
  }
  // The fastest of five: the machine may be busy with other tests.
  expect(Math.min(...times)).toBeLessThan(400);
});

test('without an addon all works that needs no tensor', async () => {
  const ended = await run(
    'no-addon.mjs',
    `import { tree, Module, treePformat, jit, optim } from 'equinode';
    class Net extends Module { constructor() { super(); this.size = 3; } }
    console.log(JSON.stringify([
      tree.map((x) => x + 1, { a: [1, 2] }), treePformat(new Net()), typeof jit((x) => x), typeof optim.adam(1e-3),
    ]));`,
  );
  expect([ended.stderr, JSON.parse(ended.stdout)]).toEqual([
    '',
    [{ a: [2, 3] }, 'Net(size=3)', 'function', 'object'],
  ]);
});

test('the first operation then names the command that mends it, every time', async () => {
  const ended = await run(
    'first.cjs',
    `const { ones, tensor, random, memory, SetupError } = require('equinode');
    for (const use of [() => ones([2]), () => tensor([1]), () => random.key(0), () => memory()]) {
      try {
        use();
        console.log('no error');
      } catch (error) {
        console.log(error instanceof SetupError, error.code, error.message);
      }
    }`,
  );
  const lines = ended.stdout.trimEnd().split('\n');
  expect([ended.stderr, lines.length]).toEqual(['', 4]);
  for (const line of lines) {
    expect(line).toMatch(
      /^true ERR_SETUP equinode: the native addon is not built \(\w+-\w+, Node [\d.]+\)\. /,
    );
    expect(line).toContain('Run `npx equinode libtorch install`');
  }
});

test('an addon that does not load says why, with the command', async () => {
  const build = join(folder, 'node_modules/equinode/build/Release');
  mkdirSync(build, { recursive: true });
  writeFileSync(join(build, 'equinode.node'), 'no library');
  const ended = await run(
    'broken.cjs',
    `try { require('equinode').ones([2]); } catch (error) { console.log(error.code, error.message); }`,
  );
  expect(ended.stdout).toMatch(/^ERR_SETUP equinode: the native addon could not be loaded \(.+\)/);
  expect(ended.stdout).toContain('npx equinode libtorch install');
});
