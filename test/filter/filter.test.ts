import * as fc from 'fast-check';
import { ArgumentError, TreeError } from '../../lib/base/errors';
import { combine, filter, partition } from '../../lib/filter';
import { flatten, leaves, map, unflatten } from '../../lib/tree';
import { Module } from '../../lib/module';
import { anyTree } from '../support/trees';

const isNumber = (x: unknown): boolean => typeof x === 'number';

class Pair extends Module {
  readonly a: number;
  readonly b: string;

  constructor(a: number, b: string) {
    super();
    this.a = a;
    this.b = b;
  }

  sum(): string {
    return this.b + String(this.a);
  }
}

describe('filter', () => {
  test('keeps the leaves of a predicate', () => {
    expect(filter([1, { a: 'x', b: 2 }], isNumber)).toEqual([1, { a: null, b: 2 }]);
    expect(filter([1, { a: 'x', b: 2 }], isNumber, { inverse: true })).toEqual([null, { a: 'x', b: null }]);
    expect(filter([1, 'x'], isNumber, { replace: 0 })).toEqual([1, 0]);
  });

  test('takes a prefix of booleans and predicates', () => {
    const object = new Date();
    const t = [new Pair(1, 'x'), new Pair(2, 'y'), [new Pair(3, 'z'), object, object]];
    const result = filter(t, [false, true, [isNumber, true, false]]);
    expect(leaves(result)).toEqual([2, 'y', 3, object]);
    expect((result[1] as Pair).sum()).toBe('y2');
  });

  test('keeps the class of modules', () => {
    const kept = filter(new Pair(1, 'x'), isNumber);
    expect(kept).toBeInstanceOf(Pair);
    expect(Object.entries(kept)).toEqual([
      ['a', 1],
      ['b', null],
    ]);
  });

  test('takes what a predicate returns for its truth', () => {
    expect(filter([0, 3], (x: unknown) => x)).toEqual([null, 3]);
  });

  test('takes subtrees as units with isLeaf', () => {
    // eqx.filter([M(1), M(2), 3], spec, is_leaf=is_m) == [M(1), None, 3]
    const t = [new Pair(1, 'x'), new Pair(2, 'y'), 3];
    const isLeaf = (x: unknown): boolean => x instanceof Pair;
    const spec = (x: unknown): boolean => !(x instanceof Pair) || x.a === 1;
    expect(filter(t, spec, { isLeaf })).toEqual([t[0], null, 3]);
  });

  test('throws for a spec that is no prefix', () => {
    expect(() => filter([1, 2, 3], [true, false])).toThrow(
      new TreeError(
        'filter: expected array of 2, got array of 3 at the root. ' +
          'The first tree must be a prefix of the others: where it has a node, they need the same node.',
      ),
    );
  });

  test('throws for a spec of anything but booleans and functions', () => {
    expect(() => filter([1, [2]], [true, [1]])).toThrow(
      new ArgumentError(
        'filter: expected a spec of booleans and functions, got leaf of type number at [1][0]. Pass a predicate such as isArray.',
      ),
    );
    expect(() => partition([1], 'x')).toThrow(/^partition: expected a spec of booleans and functions/);
  });
});

describe('partition and combine', () => {
  test('split a tree and put it together again', () => {
    // eqx.partition([(1,), 2], [True, False]) == ([(1,), None], [(None,), 2])
    expect(partition([[1], 2], [true, false])).toEqual([
      [[1], null],
      [[null], 2],
    ]);
    expect(combine([[1], null], [[null], 2])).toEqual([[1], 2]);
  });

  test('are inverse to each other in both orders, for every tree and predicate', () => {
    fc.assert(
      fc.property(anyTree, fc.func(fc.boolean()), (t, decide) => {
        const marks = new Map<number, boolean>();
        let count = 0;
        const spec = (): boolean => {
          const mark = decide(count);
          marks.set(count++, mark);
          return mark;
        };
        const [kept, removed] = partition(t, spec);
        // What was null or undefined in the tree is so in both halves, as structure.
        expect(combine(kept, removed)).toStrictEqual(t);
        expect(combine(removed, kept)).toStrictEqual(t);
        expect(leaves(kept).length + leaves(removed).length).toBe(leaves(t).length);
        expect(leaves(kept)).toHaveLength([...marks.values()].filter(Boolean).length);
      }),
    );
  });

  test('work with a mask that has the structure of the tree', () => {
    fc.assert(
      fc.property(anyTree, (t) => {
        const [values, structure] = flatten(t);
        const mask = unflatten(
          structure,
          values.map((_, i) => i % 2 === 0),
        );
        const [kept, removed] = partition(t, mask);
        expect(leaves(kept)).toStrictEqual(values.filter((_, i) => i % 2 === 0));
        expect(combine(kept, removed)).toStrictEqual(t);
      }),
    );
  });

  test('keep the class and methods of modules', () => {
    const [numbers, rest] = partition(new Pair(1, 'x'), isNumber);
    expect(combine(numbers, rest).sum()).toBe('x1');
    expect(combine(rest, numbers).sum()).toBe('x1');
  });
});

describe('combine', () => {
  test('takes the first leaf that is not null', () => {
    expect(combine([1, null, null], [2, 2, null], [3, 3, 3])).toEqual([1, 2, 3]);
    expect(combine([null], [null])).toEqual([null]);
  });

  test('takes whole subtrees where the first tree has null', () => {
    expect(combine([null, 1], [[2, { a: 3 }], null])).toEqual([[2, { a: 3 }], 1]);
  });

  test('takes an isLeaf at the end', () => {
    const isLeaf = (x: unknown): boolean => Array.isArray(x) && x[0] === 1;
    expect(combine([[1, null], null], [[2, 3], [4]], { isLeaf })).toEqual([[1, null], [4]]);
  });

  test('throws for trees that do not fit, naming the path', () => {
    expect(() => combine({ a: [1] }, { a: { b: 1 } })).toThrow(
      /^combine: expected array of 1, got object \{b\} at \['a'\]\./,
    );
  });

  test('leaves its arguments as they are', () => {
    const first = [null, 1];
    combine(first, [2, null]);
    expect(first).toEqual([null, 1]);
    expect(map((x: unknown) => x, first)).toEqual([null, 1]);
  });
});

test('options that there are none of, and no trees', () => {
  expect(() => filter([1], true, { invert: true } as never)).toThrow(
    'filter: expected the options inverse, replace, isLeaf, got "invert".',
  );
  expect(() => partition([1], true, { inverse: true } as never)).toThrow(
    'partition: expected the options replace, isLeaf, got "inverse".',
  );
  expect(() => {
    combine(undefined);
  }).toThrow('combine: expected one tree or more, got none.');
});
