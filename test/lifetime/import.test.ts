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

test('so do all functions of trees, modules and filters', async () => {
  const ended = await run(
    'trees.mjs',
    `import * as eqx from 'equinode';
    const { tree, Module, module, field, isArray, isInexactArrayLike } = eqx;
    const Net = module(class Net extends Module {
      static fields = { size: field({ static: true }) };
      constructor(w) { super(); this.w = w; this.size = 2; }
      forward(x) { return x * this.w; }
    });
    const t = [new Net(1), { b: 2, a: null }, new Map([['k', new Date(0)]])];
    const [leaves, structure] = tree.flatten(t);
    const [kept, rest] = eqx.partition(t, isInexactArrayLike);
    eqx.treeCheck(t);
    console.log(JSON.stringify([
      leaves.length, String(structure), structure.hash === tree.structure(t).hash, tree.keystr(tree.leavesWithPath(t)[2][0]),
      eqx.treeEqual(eqx.combine(kept, rest), t), eqx.treeEqual(t, kept), tree.leaves(eqx.filter(t, isArray)),
      eqx.treeAt((x) => x[0].w, t, 5)[0].w, eqx.applyUpdates([1, 2], [3, null]), eqx.call(t[0], 7),
      eqx.bind(t[0], 'forward').forward(3), new eqx.Partial((a, b) => a - b, [5]).forward(3),
      tree.transpose(tree.structure([0, 0]), null, [{ a: 1 }, { a: 2 }]), tree.broadcast(1, [2, 3]),
      tree.reduce((a, b) => a + b, [1, 2], 0), tree.all([1, 0]), tree.any([1, 0]), eqx.treeFlattenOneLevel({ a: [1] })[0],
    ]));
    eqx.treePprint(t);`,
  );
  const [values, text] = ended.stdout.split(/\n(?=\[N)/);
  expect([ended.stderr, JSON.parse(values ?? '')]).toEqual([
    '',
    [
      3,
      "Structure([Net(w=*, size=2), {'a': null, 'b': *}, Map({'k': *})])",
      true,
      "[2]['k']",
      true,
      false,
      [],
      5,
      [4, 2],
      7,
      3,
      2,
      { a: [1, 2] },
      [1, 1],
      3,
      false,
      true,
      [[1]],
    ],
  ]);
  expect(text).toBe("[Net(w=1, size=2), {'b': 2, 'a': null}, Map({'k': 1970-01-01T00:00:00.000Z})]\n");
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
