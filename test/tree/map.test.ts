import * as fc from 'fast-check';
import { ArgumentError, TreeError } from '../../lib/base/errors';
import {
  all,
  any,
  broadcast,
  keystr,
  leaves,
  map,
  mapWithPath,
  reduce,
  structure,
  transpose,
} from '../../lib/tree';
import { anyTree } from '../support/trees';

describe('map', () => {
  test('applies a function to every leaf', () => {
    expect(map((x: number) => x * 2, { a: 1, b: [2, null, 3] })).toEqual({ a: 2, b: [4, null, 6] });
  });

  test('takes any number of further trees', () => {
    const sum = (x: number, y: number, z: number) => x + y + z;
    expect(map(sum, [1, { a: 2 }], [10, { a: 20 }], [100, { a: 200 }])).toEqual([111, { a: 222 }]);
  });

  test('gives subtrees to the function where the first tree has a leaf', () => {
    // jax.tree.map(lambda x, y: y, [1, 2], [(3, 4), None]) == [(3, 4), None]
    expect(map((_: number, y: unknown) => y, [1, 2], [[3, 4], null])).toEqual([[3, 4], null]);
  });

  test('takes an isLeaf at the end, for the first tree only', () => {
    const t = [[1, 2], [3]];
    const isLeaf = (x: unknown) => Array.isArray(x) && typeof x[0] === 'number';
    expect(map((x: number[]) => x.length, t, { isLeaf })).toEqual([2, 1]);
    expect(map((x: number[], y: string) => y + String(x.length), t, ['a', 'b'], { isLeaf })).toEqual([
      'a2',
      'b1',
    ]);
  });

  test('takes a plain object with other keys as a tree', () => {
    expect(map((x: number, y: number) => x + y, { a: 1 }, { a: 2 })).toEqual({ a: 3 });
    expect(
      map(
        (x: number, y: () => boolean) => [x, y()],
        { isLeaf: 1, a: 2 },
        { isLeaf: () => true, a: () => false },
      ),
    ).toEqual({
      isLeaf: [1, true],
      a: [2, false],
    });
  });

  test.each([
    ['another length', { a: [1, 2] }, { a: [1] }, "expected array of 2, got array of 1 at ['a']."],
    ['another kind', [1, [2]], [1, { 0: 2 }], 'expected array of 1, got object {0} at [1].'],
    ['other keys', { a: 1 }, { b: 1 }, 'expected object {a}, got object {b} at the root.'],
    ['a leaf', [[1]], [2], 'expected array of 1, got leaf of type number at [0].'],
    ['an instance', [[1]], [new Date()], 'expected array of 1, got leaf of class Date at [0].'],
    ['a function', [[1]], [Math.abs], 'expected array of 1, got a function at [0].'],
    ['no null', [null], [1], 'expected null, got leaf of type number at [0].'],
    ['null', [[1]], [null], 'expected array of 1, got null at [0].'],
    [
      'other Map keys',
      new Map([['a', 1]]),
      new Map([['b', 1]]),
      "expected Map {'a'}, got Map {'b'} at the root.",
    ],
  ])('throws for %s in a further tree, naming the path and both kinds', (_, t, other, message) => {
    const error = new TreeError(
      `tree.map: ${message} The first tree must be a prefix of the others: where it has a node, they need the same node.`,
    );
    expect(() => map((x: unknown) => x, t, other)).toThrow(error);
  });

  test('with the identity gives the same tree, and composes', () => {
    const f = (x: unknown) => typeof x;
    const g = (name: string) => name.length;
    fc.assert(
      fc.property(anyTree, (t) => {
        expect(map((x: unknown) => x, t)).toStrictEqual(t);
        expect(map(g, map(f, t))).toStrictEqual(map((x: unknown) => g(f(x)), t));
        const zipped = map((x: unknown, y: unknown) => Object.is(x, y), t, t);
        expect(all(zipped)).toBe(true);
      }),
    );
  });

  test('leaves the error of the function alone', () => {
    const mine = new RangeError('mine');
    const fail = (): never => {
      throw mine;
    };
    expect(() => map(fail, [1])).toThrow(mine);
  });
});

describe('mapWithPath', () => {
  test('gives the path first', () => {
    const show = (path: Parameters<typeof keystr>[0], x: number, y: string) => `${keystr(path)}:${x}${y}`;
    expect(mapWithPath(show, { a: [1, 2] }, { a: ['x', 'y'] })).toEqual({
      a: ["['a'][0]:1x", "['a'][1]:2y"],
    });
  });

  test('names itself in errors', () => {
    expect(() => mapWithPath((_, x: unknown) => x, [1, 2], [1])).toThrow(
      /^tree\.mapWithPath: expected array of 2/,
    );
  });
});

describe('broadcast', () => {
  test('repeats each leaf of a prefix for what stands at its place', () => {
    expect(broadcast([0.1, 0.01], [{ w: 1, b: [2, null] }, 3])).toEqual([{ w: 0.1, b: [0.1, null] }, 0.01]);
    expect(broadcast(5, { a: [1, 2] })).toEqual({ a: [5, 5] });
    expect(broadcast(5, { a: [1, 2] }, { isLeaf: Array.isArray })).toEqual({ a: 5 });
  });

  test('throws for what is no prefix', () => {
    expect(() => broadcast({ a: [1, 2] }, { a: 3 })).toThrow(
      /^tree\.broadcast: expected array of 2, got leaf of type number at \['a'\]/,
    );
  });

  test('gives every prefix the structure of the tree', () => {
    fc.assert(
      fc.property(anyTree, (t) => {
        expect(structure(broadcast(1, t)).equals(structure(t))).toBe(true);
        expect(broadcast(t, t)).toStrictEqual(t);
      }),
    );
  });
});

describe('a difference among many keys', () => {
  const many = (...names: string[]) =>
    Object.fromEntries([...Array.from('abcdefghij'), ...names].map((key) => [key, 1]));

  test('is named', () => {
    expect(() => map((x: number) => x, [many('x')], [many('y', 'z')])).toThrow(
      "tree.map: expected object {a, b, c, d, e, f, g, h, ... (11 keys)}, got object {a, b, c, d, e, f, g, h, ... (12 keys)} at [0] (without 'x' and with 'y', 'z').",
    );
    const order = (...keys: string[]) => new Map(keys.map((key) => [key, 1]));
    expect(() => map((x: number) => x, order('a', 'b'), order('b', 'a'))).toThrow(
      "got Map {'b', 'a'} at the root (the same keys in another order).",
    );
  });
});

test('map, mapWithPath and reduce refuse swapped arguments', () => {
  const message = 'expected a function as the first argument, got array of 1.';
  expect(() => map([1] as never, (() => 1) as never)).toThrow(new ArgumentError(`tree.map: ${message}`));
  expect(() => mapWithPath([1] as never, (() => 1) as never)).toThrow(`tree.mapWithPath: ${message}`);
  expect(() => reduce([1] as never, () => 1, 0)).toThrow(`tree.reduce: ${message}`);
});

describe('reduce', () => {
  test('folds the leaves in order', () => {
    expect(reduce((text: string, leaf: string) => text + leaf, { b: 'x', a: ['y', null, 'z'] }, '>')).toBe(
      '>yzx',
    );
  });

  test('gives the initial value for a tree without leaves', () => {
    expect(reduce((sum: number) => sum + 1, [null, {}], 5)).toBe(5);
  });
});

describe('all and any', () => {
  test('ask the leaves for their truth', () => {
    expect(all([true, { a: 1 }])).toBe(true);
    expect(all([true, { a: 0 }])).toBe(false);
    expect(any([false, { a: 'x' }])).toBe(true);
    expect(any([false, null])).toBe(false);
    expect(all([])).toBe(true);
  });

  test('ask an object that converts to a number for that number', () => {
    const zero = new (class Zero {
      [Symbol.toPrimitive]() {
        return 0;
      }
    })();
    expect(any([zero])).toBe(false);
  });
});

describe('transpose', () => {
  const rows = [
    { a: 1, b: 2 },
    { a: 3, b: 4 },
  ];

  test('turns a tree of trees inside out', () => {
    const columns = { a: [1, 3], b: [2, 4] };
    expect(transpose(structure([0, 0]), structure({ a: 0, b: 0 }), rows)).toEqual(columns);
    expect(transpose(structure([0, 0]), null, rows)).toEqual(columns);
    expect(transpose(structure({ a: 0, b: 0 }), structure([0, 0]), columns)).toEqual(rows);
  });

  test('twice gives the tree back', () => {
    fc.assert(
      fc.property(anyTree, anyTree, (outer, inner) => {
        const [rows, columns] = [structure(outer), structure(inner)];
        fc.pre(rows.leafCount > 0 && columns.leafCount > 0);
        let next = 0;
        const t = map(() => map(() => next++, inner), outer);
        const turned = transpose(rows, columns, t);
        expect(leaves(turned)).not.toContain(undefined);
        expect(transpose(columns, rows, turned)).toStrictEqual(t);
      }),
    );
  });

  test('throws for a tree of another structure', () => {
    expect(() => transpose(structure([0, 0]), structure({ a: 0 }), rows)).toThrow(
      /^tree\.transpose: expected object \{a\}, got object \{a, b\}/,
    );
    expect(() => transpose(structure([]), null, [])).toThrow('tree.transpose: expected an inner structure');
  });
});
