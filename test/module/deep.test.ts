import { combine, filter, partition } from '../../lib/filter';
import {
  applyUpdates,
  field,
  Module,
  module,
  treeEqual,
  treeEqualTraced,
  treePformat,
} from '../../lib/module';
import { ones } from '../../lib/ops/create';
import type { Tensor } from '../../lib/tensor/tensor';
import * as tree from '../../lib/tree';
import { filterGrad, filterJit } from '../../lib/transform';

class Link extends Module {
  static readonly fields = { level: field({ static: true }) };
  readonly next: unknown;
  readonly level: number;

  constructor(next: unknown, level: number) {
    super();
    this.next = next;
    this.level = level;
  }
}

const Checked = module(
  class Checked extends Module {
    readonly next: unknown;
    constructor(next: unknown) {
      super();
      this.next = next;
    }
    checkInit(): void {
      if (this.next === undefined) throw new Error('nothing');
    }
  },
);

/** Arrays, objects, maps and modules inside one another, 10,000 of them, around one leaf. */
function deep(leaf: unknown): unknown {
  let t = leaf;
  for (let i = 0; i < 2000; i++) t = new Checked(new Link([{ a: new Map([['k', t]]) }], i % 3));
  return t;
}

const isNumber = (x: unknown): boolean => typeof x === 'number';
const model = deep(3);

test.each<[string, (t: unknown) => unknown]>([
  ['leaves', (t) => tree.leaves(t)],
  ['unflatten', (t) => tree.leaves(tree.unflatten(tree.structure(t), [3]))],
  ['map', (t) => tree.leaves(tree.map((x: number) => x, t, t))],
  ['mapWithPath', (t) => tree.leaves(tree.mapWithPath((path) => path.length / 10_000 + 2, t))],
  ['reduce', (t) => [tree.reduce((sum: number, x: number) => sum + x, t, 0)]],
  ['broadcast', (t) => tree.leaves(tree.broadcast(3, t))],
  [
    'treeAt',
    (t) =>
      tree.leaves(
        tree.treeAt(
          bottom,
          tree.map(() => 4, t),
          3,
        ),
      ),
  ],
  ['treeAt with a function', (t) => tree.leaves(tree.treeAt(bottom, t, { replaceFn: (x: number) => x }))],
  ['partition and combine', (t) => tree.leaves(combine(...partition(t, isNumber)))],
  ['filter', (t) => tree.leaves(filter(t, t === model ? isNumber : false))],
  [
    'filter by a prefix',
    (t) =>
      tree.leaves(
        filter(
          t,
          tree.map(() => true, t),
        ),
      ),
  ],
  [
    'applyUpdates',
    (t) =>
      tree.leaves(
        applyUpdates(
          tree.map(() => 1, t),
          tree.map(() => 2, t),
        ),
      ),
  ],
  ['treeFlattenOneLevel', (t) => [tree.treeFlattenOneLevel(t)[0].length + 2]],
])('%s takes trees of 10,000 levels', (_, run) => {
  expect(run(model)).toEqual([3]);
});

/** The innermost value: the leaf, however it looks there. */
function bottom(t: unknown): unknown {
  let at = t;
  for (;;) {
    const [children] = tree.treeFlattenOneLevel(at);
    if (children.length !== 1 || children[0] === at) return at;
    at = children[0];
  }
}

test('comparing, hashing, checking and printing take trees of 10,000 levels', () => {
  const same = deep(3);
  expect(treeEqual(model, same)).toBe(true);
  expect(treeEqual(model, deep(4))).toBe(false);
  expect(treeEqualTraced(model, same).item()).toBe(true);
  const structure = tree.structure(model);
  expect(structure.equals(tree.structure(same))).toBe(true);
  expect(structure.hash).toBe(tree.structure(same).hash);
  expect(structure.toString()).toContain('Map({');
  expect(() => {
    tree.treeCheck(model);
  }).not.toThrow();
  expect(treePformat(model)).toContain('...');
  expect(String(model)).toMatch(/^Checked\(/);
  expect(tree.keystr(tree.leavesWithPath(model)[0]?.[0] ?? [])).toMatch(
    /^\.next\.next\[0\]\['a'\]\['k'\]\.next/,
  );
  expect(() => tree.map((x: number) => x, model, deep(new Map()))).not.toThrow();
  expect(() => tree.map((x: number) => x, deep([3]), model)).toThrow(
    /got leaf of type number at \.next.* \.\.\. .*\['k'\]\. The/,
  );
});

test('a cycle at the bottom of 10,000 levels is an error with its path', () => {
  const end: unknown[] = [];
  const t = deep(end);
  end.push([end]);
  expect(() => tree.flatten(t)).toThrow(
    /^tree: expected a tree, got a cycle: the node at \.next\.next.*\['k'\]\[0\]\[0\] is the same/,
  );
  expect(() => {
    tree.treeCheck(t);
  }).toThrow('that is the same object as the one at .next');
});

test('transforms take models of 10,000 levels', () => {
  const weights = tree.map((_: number) => ones([2]), model);
  const gradient = filterGrad((m: unknown) => (bottom(m) as Tensor).mul(3).sum())(weights);
  expect((tree.leaves(gradient)[0] as Tensor).toArray()).toEqual([3, 3]);
  const doubled = filterJit((m: unknown) => tree.map((x: Tensor) => x.mul(2), m))(weights);
  expect((tree.leaves(doubled)[0] as Tensor).toArray()).toEqual([2, 2]);
});
