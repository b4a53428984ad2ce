import * as fc from 'fast-check';
import { TreeError } from '../../lib/base/errors';
import {
  flatten,
  flattenUpTo,
  flattenWithPath,
  keystr,
  leaves,
  leavesWithPath,
  map,
  register,
  structure,
  unflatten,
} from '../../lib/tree';
import { anyTree } from '../support/trees';

describe('flatten', () => {
  test('takes the leaves in order, keys of plain objects sorted', () => {
    expect(leaves({ b: [1, 2], a: 3, 10: 4, 9: 5 })).toEqual([4, 5, 3, 1, 2]);
  });

  test('keeps the order of a Map', () => {
    expect(leaves(new Map(Object.entries({ b: 1, a: 2 })))).toEqual([1, 2]);
  });

  test('has no leaf for null, undefined and empty containers', () => {
    // jax.tree.leaves([None, 1, (), [], {}]) == [1]
    expect(leaves([null, 1, undefined, [], {}, new Map()])).toEqual([1]);
  });

  test('takes functions, strings, typed arrays, dates and class instances as leaves', () => {
    class Point {
      x = 1;
    }
    const values = [
      Math.abs,
      'text',
      new Uint8Array(2),
      new Date(),
      new Point(),
      new Set([1]),
      Symbol('s'),
      1n,
    ];
    expect(leaves(values)).toEqual(values);
  });

  test('takes a subclass of Array or Map as a leaf, as JAX does with subclasses of list and dict', () => {
    class List extends Array<number> {}
    class Table extends Map<string, number> {}
    const values = [List.of(1, 2), new Table([['a', 1]])];
    expect(leaves(values)).toEqual(values);
  });

  test('asks isLeaf for every node, from the root down, empty ones included', () => {
    expect(leaves([[1], null], { isLeaf: (x) => x === null })).toEqual([1, null]);
    const t = [1, [2]];
    expect(leaves(t, { isLeaf: Array.isArray })).toEqual([t]);
  });

  test('throws for a cycle, naming both paths', () => {
    const inner: Record<string, unknown> = {};
    const t = { a: [1, inner] };
    inner['b'] = t.a;
    expect(() => flatten(t)).toThrow(
      new TreeError(
        "tree: expected a tree, got a cycle: the node at ['a'][1]['b'] is the same object as the one at ['a']. " +
          'Keep such links in a static field or a closure.',
      ),
    );
  });

  test('throws for a cycle through a callable node, and for nodes without end', () => {
    class Callable {
      readonly inner: unknown;
      constructor(inner: unknown) {
        const self = Object.setPrototypeOf(() => 1, Callable.prototype) as Callable & { inner: unknown };
        self.inner = inner;
        return self;
      }
    }
    register(Callable, { flatten: (x) => [[x.inner]], unflatten: ([inner]) => new Callable(inner) });
    const items: unknown[] = [];
    items.push(new Callable(items));
    expect(() => flatten(items)).toThrow(
      'got a cycle: the node at [0][0] is the same object as the one at the root',
    );
    class Endless {
      readonly step = 1;
    }
    register(Endless, { flatten: () => [[new Endless()]], unflatten: () => new Endless() });
    expect(() => flatten([new Endless()])).toThrow(
      new TreeError(
        'tree: expected a tree, got one of more than 250000 levels, with Endless of 1 in the last one. ' +
          'Check the `flatten` of registered classes.',
      ),
    );
  });

  test('takes large trees and trees that share nodes without suspecting a cycle', () => {
    const shared = { a: 1 };
    expect(leaves(Array.from({ length: 30_000 }, () => shared))).toHaveLength(30_000);
  });
});

describe('unflatten', () => {
  test('builds any tree again, the same but for identity', () => {
    fc.assert(
      fc.property(anyTree, (t) => {
        const [values, shape] = flatten(t);
        const again = unflatten(shape, values);
        expect(again).toStrictEqual(t);
        expect(structure(again).equals(shape)).toBe(true);
        expect(leaves(again).every((leaf, i) => Object.is(leaf, values[i]))).toBe(true);
      }),
    );
  });

  test('tells null from undefined', () => {
    const [values, shape] = flatten([null, undefined, 1]);
    expect(unflatten(shape, values)).toStrictEqual([null, undefined, 1]);
  });

  test('keeps a key named __proto__ a key', () => {
    const t = JSON.parse('{"__proto__": 1, "a": 2}') as object;
    const again = map((x: number) => x + 1, t);
    expect(Object.entries(again)).toEqual([
      ['__proto__', 2],
      ['a', 3],
    ]);
    expect(Object.getPrototypeOf(again)).toBe(Object.prototype);
  });

  test('throws for too few or too many leaves', () => {
    const shape = structure([1, 2]);
    expect(() => unflatten(shape, [1])).toThrow(
      new TreeError('tree.unflatten: expected 2 leaves, got 1, for Structure([*, *]).'),
    );
    expect(() => unflatten(shape, [1, 2, 3])).toThrow('expected 2 leaves, got 3');
    const large = structure(Array.from({ length: 1000 }, () => 1));
    expect(() => unflatten(large, [])).toThrow(
      /^tree\.unflatten: expected 1000 leaves, got 0, for .{200}\.\.\.\.$/,
    );
  });

  test('takes any iterable', () => {
    expect(unflatten(structure({ a: 0, b: 0 }), new Set([1, 2]))).toEqual({ a: 1, b: 2 });
  });
});

describe('trees of 10,000 levels', () => {
  let deep: unknown = 1;
  for (let i = 0; i < 10_000; i++) deep = i % 2 === 0 ? [deep] : { a: deep };

  test('flatten, map, print and compare without running out of stack', () => {
    const [values, shape] = flatten(deep);
    expect(values).toEqual([1]);
    const again = map((x: number) => x + 1, deep, deep);
    expect(leaves(again)).toEqual([2]);
    expect(structure(again).equals(shape)).toBe(true);
    expect(structure(again).hash).toBe(shape.hash);
    expect(shape.toString()).toMatch(/^Structure\(\{'a': \[\{'a': /);
    expect(flattenWithPath(deep)[0][0]?.[0]).toHaveLength(10_000);
  });

  test('name the path of a difference', () => {
    expect(() => map((x: number) => x, deep, [deep])).toThrow(TreeError);
  });

  test('are refused when they contain themselves', () => {
    const bottom: unknown[] = [];
    let t: unknown = bottom;
    for (let i = 0; i < 10_000; i++) t = [t];
    bottom.push(t);
    expect(() => flatten(t)).toThrow('got a cycle');
  });
});

describe('flattenWithPath', () => {
  test('gives the path of every leaf', () => {
    const t = {
      b: [1, { "it's": 2 }],
      a: new Map<unknown, number>([
        ['k', 3],
        [4, 5],
      ]),
    };
    const [pairs] = flattenWithPath(t);
    expect(pairs.map(([path, leaf]) => [keystr(path), leaf])).toEqual([
      ["['a']['k']", 3],
      ["['a'][4]", 5],
      ["['b'][0]", 1],
      ["['b'][1]['it\\'s']", 2],
    ]);
  });

  test('gives the empty path for a leaf alone', () => {
    expect(flattenWithPath(1)[0]).toEqual([[[], 1]]);
    expect(leavesWithPath([5, null])).toEqual([[[{ kind: 'index', index: 0 }], 5]]);
  });

  test('numbers the leaves as flatten does', () => {
    fc.assert(
      fc.property(anyTree, (t) => {
        const [pairs, shape] = flattenWithPath(t);
        expect(pairs.map(([, leaf]) => leaf)).toEqual(leaves(t));
        expect(new Set(pairs.map(([path]) => keystr(path))).size).toBe(shape.leafCount);
      }),
    );
  });
});

describe('flattenUpTo', () => {
  test('passes whole what stands at the leaves of the prefix', () => {
    expect(flattenUpTo(structure([0, { a: 0 }]), [[1, 2], { a: null }], 'f')).toEqual([[1, 2], null]);
  });

  test('takes null and undefined for each other', () => {
    expect(flattenUpTo(structure([null, undefined, 1]), [undefined, null, 2], 'f')).toEqual([2]);
  });
});
