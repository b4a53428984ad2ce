import { runInNewContext } from 'node:vm';
import { ArgumentError, TreeError } from '../../lib/base/errors';
import { flattenWithPath, keystr, leaves, map, register, structure } from '../../lib/tree';

class Interval {
  readonly low: unknown;
  readonly high: unknown;
  readonly isClosed: boolean;

  constructor(low: unknown, high: unknown, isClosed = true) {
    this.low = low;
    this.high = high;
    this.isClosed = isClosed;
  }
}

register(Interval, {
  flatten: (x) => [[x.low, x.high], x.isClosed],
  unflatten: ([low, high], isClosed) => new Interval(low, high, isClosed as boolean),
  names: () => ['low', 'high'],
});

describe('register', () => {
  test('makes instances nodes', () => {
    const t = [new Interval(1, [2, 3], false)];
    expect(leaves(t)).toEqual([1, 2, 3]);
    expect(map((x: number) => x + 1, t)).toEqual([new Interval(2, [3, 4], false)]);
    expect(structure(t).toString()).toBe('Structure([Interval(*, [*, *])])');
    expect(flattenWithPath(t)[0].map(([path]) => keystr(path))).toEqual([
      '[0].low',
      '[0].high[0]',
      '[0].high[1]',
    ]);
  });

  test('compares the fixed part', () => {
    const open = structure(new Interval(1, 2, false));
    expect(open.equals(structure(new Interval(3, 4, false)))).toBe(true);
    expect(open.equals(structure(new Interval(1, 2, true)))).toBe(false);
    expect(() => map((x: number) => x, new Interval(1, 2, true), new Interval(1, 2, false))).toThrow(
      'tree.map: expected Interval of 2, got Interval of 2 at the root.',
    );
  });

  test('numbers children without names', () => {
    class Pair {
      readonly items: readonly unknown[];
      constructor(items: readonly unknown[]) {
        this.items = items;
      }
    }
    // Taken for a leaf before it is registered, to see that this is forgotten.
    expect(leaves(new Pair([1, 2]))).toHaveLength(1);
    register(Pair, { flatten: (x) => [x.items], unflatten: (items) => new Pair(items) });
    expect(flattenWithPath(new Pair([1, 2]))[0].map(([path]) => keystr(path))).toEqual(['[0]', '[1]']);
  });

  test('says nothing about subclasses', () => {
    class Ray extends Interval {}
    expect(leaves(new Ray(1, 2))).toEqual([new Ray(1, 2)]);
  });

  test('refuses a class that is a node already', () => {
    const spec = { flatten: (): [unknown[]] => [[]], unflatten: () => new Interval(0, 0) };
    expect(() => {
      register(Interval, spec);
    }).toThrow(
      new TreeError(
        'tree.register: expected a class that is no node yet, got Interval, which is one. Register each class once.',
      ),
    );
    expect(() => {
      register(Map, { flatten: () => [[]], unflatten: () => new Map() });
    }).toThrow(TreeError);
    expect(() => {
      register(Array, { flatten: () => [[]], unflatten: () => [] });
    }).toThrow(TreeError);
  });

  test('refuses what is no class, and what does not take instances apart', () => {
    const spec = { flatten: () => 5 as never, unflatten: () => new Broken() };
    class Broken {
      readonly x = 1;
    }
    expect(() => {
      register({} as never, spec);
    }).toThrow(new ArgumentError('tree.register: expected a class, got object {}.'));
    expect(() => {
      register((() => 1) as never, spec);
    }).toThrow('tree.register: expected a class, got a function.');
    register(Broken, spec);
    expect(() => leaves(new Broken())).toThrow(
      new TreeError(
        'Broken: expected the registered `flatten` to return [children] or [children, fixed], got 5.',
      ),
    );
  });

  test('takes classes of the language and of other packages, whose instances are leaves before', () => {
    const url = new URL('https://example.org/a?b=c');
    expect(leaves([url, new Date(0)])).toEqual([url, new Date(0)]);
    register(URL, {
      flatten: (x) => [[x.pathname], x.origin],
      unflatten: ([path], origin) => new URL(String(path), String(origin)),
    });
    expect(map((path: string) => `${path}/b`, url).href).toBe('https://example.org/a/b');
    expect(structure(url).equals(structure(new URL('https://example.org/z')))).toBe(true);
    expect(structure(url).equals(structure(new URL('https://example.com/a')))).toBe(false);
  });

  test('takes arrays and objects of another realm as nodes', () => {
    expect(leaves(runInNewContext('[1, { b: [2] }]'))).toEqual([1, 2]);
  });
});
