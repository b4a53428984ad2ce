import { Module, Partial } from '../../lib/module';
import { leaves, map } from '../../lib/tree';

class Scale extends Module {
  readonly by: number;

  constructor(by: number) {
    super();
    this.by = by;
  }

  forward(x: number, options: { readonly plus?: number } = {}): number {
    return x * this.by + (options.plus ?? 0);
  }
}

describe('Partial', () => {
  test('puts its arguments first', () => {
    expect(new Partial((a: string, b: string) => a + b, ['a']).forward('b')).toBe('ab');
  });

  test('calls modules, and has what it holds as leaves', () => {
    const partial = new Partial(new Scale(2), [3]);
    expect(partial.forward()).toBe(6);
    expect(leaves(partial)).toEqual([2, 3]);
    expect(map((x: number) => x + 1, partial).forward()).toBe(12);
  });

  test('adds its options to those of the call', () => {
    const join = (x: number, options: object) => [x, options];
    const partial = new Partial(join, [], { a: 1 });
    expect(partial.forward(5)).toEqual([5, { a: 1 }]);
    expect(partial.forward(5, { b: 2 })).toEqual([5, { a: 1, b: 2 }]);
    expect(new Partial(join, [5], { a: 1 }).forward()).toEqual([5, { a: 1 }]);
  });

  test('refuses what is no function, and arguments that are in no array', () => {
    expect(() => new Partial(3 as never)).toThrow(
      'Partial: expected a function or a module, got leaf of type number.',
    );
    expect(() => new Partial(Math.max as never, 1 as never)).toThrow(
      'Partial: expected its first arguments in an array, got leaf of type number.',
    );
    expect(() => new Partial(Math.max as never, [], [1] as never)).toThrow(
      'Partial: expected its options in an object, got array of 1.',
    );
  });

  test('refuses an option that it has', () => {
    // functools.partial lets the call win; equinox.Partial does not.
    expect(() => new Partial(new Scale(2), [1], { plus: 1 }).forward({ plus: 2 })).toThrow(
      'Partial: expected each option once, got plus=2 for one that the partial has.',
    );
  });
});
