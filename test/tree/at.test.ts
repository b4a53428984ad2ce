import * as fc from 'fast-check';
import { ArgumentError, TreeError } from '../../lib/base/errors';
import { field, Module } from '../../lib/module';
import { leaves, leavesWithPath, structure, treeAt, type Path } from '../../lib/tree';
import { anyTree } from '../support/trees';

interface Model {
  readonly layers: readonly { readonly w: number; readonly b: number | null }[];
  readonly scale: number;
}

const model: Model = {
  layers: [
    { w: 1, b: 2 },
    { w: 1, b: null },
  ],
  scale: 1,
};

/** What a path leads to. */
function follow(t: unknown, path: Path): unknown {
  let at = t;
  for (const step of path) {
    if (step.kind === 'field') throw new Error('these trees have no fields');
    const key = step.kind === 'index' ? step.index : step.key;
    at = at instanceof Map ? at.get(key) : (at as Record<PropertyKey, unknown>)[key as PropertyKey];
  }
  return at;
}

describe('treeAt', () => {
  test('replaces a leaf in a copy', () => {
    const next = treeAt((m) => m.layers[1]?.w, model, 5);
    expect(next).toEqual({
      layers: [
        { w: 1, b: 2 },
        { w: 5, b: null },
      ],
      scale: 1,
    });
    expect(model.layers[1]?.w).toBe(1);
  });

  test('replaces any leaf of any tree, and nothing else', () => {
    fc.assert(
      fc.property(anyTree, fc.nat(), (t, pick) => {
        const places = leavesWithPath(t);
        if (places.length === 0) return;
        const index = pick % places.length;
        const mark = Symbol('new');
        const next = treeAt((x) => follow(x, places[index]![0]), t, mark);
        expect(structure(next).equals(structure(t))).toBe(true);
        expect(leaves(next)).toEqual(places.map(([, leaf], i) => (i === index ? mark : leaf)));
      }),
    );
  });

  test('tells equal leaves at different places apart', () => {
    const a = {};
    expect(treeAt((t) => t[0], [1, 1], 2)).toEqual([2, 1]);
    expect(treeAt((t) => t[1], [a, a, a], 2)).toEqual([a, 2, a]);
  });

  test('replaces several nodes', () => {
    const next = treeAt((m) => [m.scale, m.layers[0]?.b], model, ['s', 'b']);
    expect(leaves(next)).toEqual(['b', 1, 1, 's']);
  });

  test('takes an array of the tree as one node, and a new array as several', () => {
    expect(treeAt((m) => m.layers, model, 'all')).toEqual({ layers: 'all', scale: 1 });
    expect(treeAt((m) => [...m.layers], model, ['x', 'y'])).toEqual({ layers: ['x', 'y'], scale: 1 });
    expect(treeAt((t) => t, model, 0)).toBe(0);
  });

  test('computes replacements from the old nodes, given without disguise', () => {
    const next = treeAt((m) => [m.scale, m.layers[0]], model, {
      replaceFn: (x: unknown) => (typeof x === 'number' ? x + 1 : x),
    });
    expect(next).toEqual({ ...model, scale: 2 });
  });

  test('tells empty arrays apart', () => {
    // eqx.tree_at(lambda x: x[0], ((), ()), 1) == (1, ())
    expect(treeAt((t: unknown[]) => t[0], [[], []], 1)).toEqual([1, []]);
  });

  test('replaces null where isLeaf makes it a leaf', () => {
    const isLeaf = (x: unknown) => x === null;
    expect(treeAt((t: unknown[]) => t[0], [null, null, 1], true, { isLeaf })).toEqual([true, null, 1]);
  });

  test('keeps what it does not replace', () => {
    const f = () => 1;
    expect(leaves(treeAt((t: unknown[]) => t[0], [1, f], 2))[1]).toBe(f);
  });

  test('takes an object with other keys than replaceFn as the new node', () => {
    expect(treeAt((t: unknown[]) => t[0], [1], { a: 1 })).toEqual([{ a: 1 }]);
  });

  test('replaces one of the places that share a node, and each of them', () => {
    const shared = { w: 1 };
    expect(treeAt((t) => t[0], [shared, shared], 'x')).toEqual(['x', shared]);
    expect(treeAt((t) => [t[0]?.w, t[1]?.w], [shared, shared], [2, 3])).toEqual([{ w: 2 }, { w: 3 }]);
    expect(shared).toEqual({ w: 1 });
  });

  test('gives isLeaf’s nodes to replaceFn as they are', () => {
    const isLeaf = (x: unknown) => x === null || Array.isArray(x);
    const t = { a: [1, 2], b: null };
    expect(treeAt((x) => [x.a, x.b], t, { replaceFn: (x: unknown) => [x] }, { isLeaf })).toEqual({
      a: [[1, 2]],
      b: [null],
    });
  });

  test('takes nodes that getters of the tree find', () => {
    class Net extends Module {
      readonly layers = [1, 2];
      get last(): number | undefined {
        return this.layers.at(-1);
      }
    }
    expect(treeAt((m) => m.last, new Net(), 5).layers).toEqual([1, 5]);
  });

  test('throws when `where` is no function, or its arguments are swapped', () => {
    expect(() => treeAt(model as never, (() => 1) as never, 0)).toThrow(
      new ArgumentError(
        'treeAt: expected `where` to be a function, got object {layers, scale}. Write `treeAt((m) => m.weight, model, ...)`.',
      ),
    );
  });

  test('throws for a static field', () => {
    class Sized extends Module {
      static readonly fields = { size: field({ static: true }) };
      readonly size = 3;
      readonly weight = 1;
    }
    expect(() => treeAt((m) => m.size, new Sized(), 4)).toThrow(
      new TreeError(
        'treeAt: expected `where` to return nodes of the tree, got 3, which is no leaf of it. ' +
          'Static fields, methods and constants are not; a module with another static field is made by its constructor.',
      ),
    );
    expect(() => treeAt((m) => [m.weight, Math.abs], new Sized(), [1, 2])).toThrow('got <function abs>');
  });

  test('throws for a name that does not exist', () => {
    expect(() => treeAt((m) => (m as { wait?: number }).wait, model, 4)).toThrow(
      'got undefined, which is not in it. Check that the names in `where` exist.',
    );
  });

  const depends =
    'treeAt: expected `where` to pick nodes by their place in the tree, got one whose result depends on the leaves. ' +
    'Return nodes of its argument, as in `(m) => m.layers[0].weight`.';
  test.each<[string, (t: readonly number[]) => unknown]>([
    ['computes with a leaf', (t) => (t[0] ?? 0) + 1],
    ['picks by the type of leaves', (t) => t.filter((x) => typeof x === 'number')],
    ['reads into a leaf', (t) => t[0]?.toFixed(2)],
  ])('throws when `where` %s', (_, where) => {
    expect(() => treeAt(where, [1, 2], 0)).toThrow(depends);
  });

  test('throws for what is not in the tree', () => {
    expect(() => treeAt(() => ({}), model, 0)).toThrow(
      'treeAt: expected `where` to return a node of the tree, or an array of them, got object {}, which is not in it',
    );
    expect(() => treeAt(() => [[]], model, [0])).toThrow('got array of 0, which is not in it');
    expect(() => treeAt((m) => [m.layers, m.layers[0]], model, [0, 1])).toThrow('which is not in it');
  });

  test('throws for what is in the tree twice', () => {
    const message =
      'treeAt: expected `where` to return nodes that are in the tree once, got one that is in it more than once. ' +
      'For places that hold null pass `{ isLeaf: (x) => x === null }`.';
    expect(() => treeAt((t: unknown[]) => t[0], [null, null, 1], true)).toThrow(new TreeError(message));
    expect(() => treeAt((m) => [m.scale, m.scale], model, [1, 2])).toThrow(new TreeError(message));
  });

  test('throws for no replacement, and for options that there are none of', () => {
    expect(() => treeAt((m) => m.scale, model, undefined)).toThrow(
      'treeAt: expected a replacement or `{ replaceFn }`, got undefined. Pass null where nothing is to stand.',
    );
    expect(() => treeAt((m) => m.scale, model, 1, { replaceFn: Math.abs } as never)).toThrow(
      'treeAt: expected the option isLeaf, got "replaceFn".',
    );
  });

  test('throws for replacements that do not fit', () => {
    expect(() => treeAt((m) => [m.scale, m.layers], model, [1])).toThrow(
      new TreeError('treeAt: expected 2 replacements, one for each node that `where` returns, got 1.'),
    );
    expect(() => treeAt((m) => [m.scale], model, 1)).toThrow(
      new TreeError(
        'treeAt: expected an array of 1 replacements, because `where` returns an array, got leaf of type number.',
      ),
    );
  });
});
