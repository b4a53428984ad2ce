import { ArgumentError, EquinodeRuntimeError } from '../../lib/base/errors';
import { treeEqual, treePformat } from '../../lib/module';
import { memory } from '../../lib/tensor/memory';
import { tensor } from '../../lib/tensor/create';
import { tidy } from '../../lib/tensor/tidy';
import type { Tensor } from '../../lib/tensor/tensor';
import { Enumeration, filterJit, filterVmap, type EnumerationItem } from '../../lib/transform';
import { leaves, map, structure } from '../../lib/tree';

// The facts are those of Equinox's tests/test_enum.py.
const A = new Enumeration('A', { x: 'foo', y: 'bar' });
const B = new Enumeration('B', { z: 'foo' });
type Item = EnumerationItem<'x' | 'y'>;

describe('an item', () => {
  test('is a tree with its number, an int32[], as the only leaf', () => {
    expect((leaves(A.y)[0] as Tensor).dtype).toBe('int32');
    expect(leaves(A.y).map(Number)).toEqual([1]);
    expect(structure(A.x).equals(structure(A.y))).toBe(true);
    expect(structure(A.x).equals(structure(B.z))).toBe(false);
    expect(
      treeEqual(
        A.x,
        map((t: Tensor) => t.add(0), A.x),
      ),
    ).toBe(true);
    expect(treeEqual(A.x, A.y)).toBe(false);
  });

  test('compares with items of its enumeration', () => {
    expect(A.x.eq(A.x).item()).toBe(true);
    expect(A.x.eq(A.y).item()).toBe(false);
    expect(A.x.ne(A.y).item()).toBe(true);
  });

  test('compares with nothing else, also where it is traced', () => {
    const message = 'A: expected another item of A to compare with, got';
    expect(() => A.x.eq(0 as never)).toThrow(new ArgumentError(`${message} 0.`));
    expect(() => A.x.eq(B.z as never)).toThrow(`${message} B<foo>.`);
    expect(() => A.x.ne(B.z as never)).toThrow(`${message} B<foo>.`);
    expect(() => filterJit((a: Item) => a.eq(B.z as never))(A.x)).toThrow(`${message} B<foo>.`);
  });

  test('goes through compiled functions, which are traced once for all items', () => {
    let traces = 0;
    const same = filterJit((a: Item, b: Item) => (traces++, a.eq(b)));
    expect([same(A.x, A.x), same(A.x, A.y), same(A.y, A.y)].map((t) => t.item())).toEqual([
      true,
      false,
      true,
    ]);
    expect(traces).toBe(1);
    const [back, fixed] = filterJit((a: Item) => [a, A.y] as const)(A.x);
    expect([String(back), String(fixed)]).toEqual(['A<foo>', 'A<bar>']);
  });

  test('prints its message, `traced`, or a batch of messages', () => {
    expect(String(A.x)).toBe('A<foo>');
    expect(treePformat([A.x, { b: A.y }])).toBe("[A<foo>, {'b': A<bar>}]");
    let inside = '';
    filterJit((a: Item) => ((inside = String(a)), a.value))(A.x);
    expect(inside).toBe('A<traced>');
    const many = filterVmap((n: Tensor) => A.where(n.gt(0), A.x, A.y))(tensor([1, -1]));
    expect(String(many)).toBe("A<['foo', 'bar']>");
    expect(String(map(() => 'leaf', A.x))).toBe('A<unknown>');
  });

  test('says whether it is traced', () => {
    expect(A.x.isTraced()).toBe(false);
    let inside: boolean[] = [];
    filterJit((a: Item) => ((inside = [a.isTraced(), A.x.isTraced()]), a.value))(A.x);
    expect(inside).toEqual([true, false]);
  });

  test('is an instance of its enumeration alone', () => {
    expect(A.x instanceof A).toBe(true);
    expect(A.x instanceof B).toBe(false);
    expect({} instanceof A).toBe(false);
  });

  test('lives on when it was first used inside a scope, and after it was disposed of', () => {
    const C = new Enumeration('C', { x: 'foo' });
    const before = memory().tensors;
    tidy(() => String(C.x));
    expect(memory().tensors - before).toBe(1);
    expect(String(C.x)).toBe('C<foo>');
    expect(C.x).toBe(C.x);
    filterJit((a: EnumerationItem<'x'>) => a.value.add(1), { donate: 'all' })(C.x);
    expect(String(C.x)).toBe('C<foo>');
  });
});

describe('errorIf', () => {
  test('throws the message of the item, and gives what it got where all is well', () => {
    const x = tensor([1, 2]);
    expect(A.y.errorIf(x, false)).toBe(x);
    expect(() => A.y.errorIf(x, true)).toThrow(EquinodeRuntimeError);
    expect(() => A.y.errorIf(x, tensor([false, true]))).toThrow(/^bar\n/);
  });

  test('throws from compiled functions and batches, also where the item is traced', () => {
    const check = filterJit((a: Item, x: Tensor) => a.errorIf(x, a.ne(A.x)).mul(2));
    expect(check(A.x, tensor([1, 2])).toArray()).toEqual([2, 4]);
    expect(() => check(A.y, tensor([1, 2]))).toThrow(/bar/);
    expect(check(A.x, tensor([3, 4])).toArray()).toEqual([6, 8]);
    const each = filterVmap((x: Tensor) => {
      const result = A.where(x.gt(0), A.x, A.y);
      return result.errorIf(x, result.eq(A.y));
    });
    expect(each(tensor([1, 2])).toArray()).toEqual([1, 2]);
    expect(() => each(tensor([1, -2]))).toThrow(/Batch index \(1,\) had error:\nbar/);
  });
});

describe('messageOf', () => {
  test('gives the message of an own item', () => {
    expect(A.messageOf(A.x)).toBe('foo');
    expect(() => A.messageOf(B.z as never)).toThrow(
      new ArgumentError('A.messageOf: expected an item of A, got B<foo>.'),
    );
    expect(() => A.messageOf(0 as never)).toThrow('A.messageOf: expected an item of A, got 0.');
  });
});

describe('where', () => {
  test('chooses by a known predicate, also inside compiled functions', () => {
    expect(A.where(true, A.x, A.y)).toBe(A.x);
    expect(A.where(tensor(false), A.x, A.y)).toBe(A.y);
    let traced = true;
    filterJit((n: Tensor) => ((traced = A.where(true, A.x, A.y).isTraced()), n))(tensor(1));
    expect(traced).toBe(false);
  });

  test('chooses by a traced predicate', () => {
    const choose = filterJit((n: Tensor) => A.where(n.gt(0), A.x, A.y));
    expect([choose(tensor(1)), choose(tensor(-1))].map(String)).toEqual(['A<foo>', 'A<bar>']);
  });

  test('gives an item itself where both are the same', () => {
    const clone = map((t: Tensor) => t, A.x);
    filterJit((n: Tensor) => {
      expect(A.where(n.gt(0), A.x, clone)).toBe(A.x);
      expect(
        A.where(
          n.gt(0),
          A.x,
          map((t: Tensor) => t.clone(), A.x),
        ).isTraced(),
      ).toBe(false);
      return n;
    })(tensor(1));
  });

  test('takes items of its own enumeration, and a scalar of bool', () => {
    expect(() => A.where(true, A.x, B.z as never)).toThrow(
      new ArgumentError('A.where: expected an item of A, got B<foo>.'),
    );
    const A2 = new Enumeration('A2', { w: '' }, [A]);
    expect(() => A.where(true, A.x, A2.x as never)).toThrow('A.where: expected an item of A, got A2<foo>.');
    expect(() => A.where(tensor([true]), A.x, A.y)).toThrow(
      'A.where: expected a scalar of bool as the predicate, got bool[1]. Reduce it with all() or any().',
    );
    expect(() => A.where(1 as never, A.x, A.y)).toThrow('got 1.');
  });
});

describe('extending', () => {
  const B1 = new Enumeration('B1', { b: 'b' }, [A]);
  const B2 = new Enumeration('B2', { c: 'c' }, [A]);
  const D = new Enumeration('D', { d: 'd' }, [B1, B2]);

  test('puts inherited items first, from left to right, each once', () => {
    expect(B1.names).toEqual(['x', 'y', 'b']);
    expect(D.names).toEqual(['x', 'y', 'b', 'c', 'd']);
    expect(D.messages).toEqual(['foo', 'bar', 'b', 'c', 'd']);
    expect(D.length).toBe(5);
    expect(Object.keys(D)).toEqual(expect.arrayContaining(['x', 'd']));
  });

  test('promotes items of every enumeration above, by name', () => {
    expect(D.promote(A.y)).toBe(D.y);
    expect(D.promote(B2.c)).toBe(D.c);
    expect(D.promote(B2.c).eq(D.c).item()).toBe(true);
    const promote = filterJit((n: Tensor) => D.promote(B2.where(n.gt(0), B2.c, B2.y)));
    expect([promote(tensor(1)), promote(tensor(-1))].map(String)).toEqual(['D<c>', 'D<bar>']);
    const many = filterVmap((n: Tensor) => D.promote(B2.where(n.gt(0), B2.c, B2.y)))(tensor([1, -1]));
    expect(String(many)).toBe("D<['c', 'bar']>");
    expect(String(D.promote(filterVmap((n: Tensor) => B2.where(n.gt(0), B2.c, B2.x))(tensor([1, -1]))))).toBe(
      "D<['c', 'foo']>",
    );
  });

  test('promotes nothing else', () => {
    const message = 'D.promote: expected an item of an enumeration that D extends, got';
    expect(() => D.promote(D.x)).toThrow(new ArgumentError(`${message} D<foo>.`));
    expect(() => D.promote(B.z)).toThrow(`${message} B<foo>.`);
    expect(() => D.promote('x' as never)).toThrow(`${message} "x".`);
  });

  test('merges equal messages silently, and warns of others, of which the last is used', () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const same = new Enumeration('Same', { x: 'foo' }, [A]);
    expect(same.length).toBe(2);
    expect(emitWarning).not.toHaveBeenCalled();
    const other = new Enumeration('Other', { x: 'pho' }, [A]);
    expect(String(other.x)).toBe('Other<pho>');
    expect(String(A.x)).toBe('A<foo>');
    expect(emitWarning.mock.calls).toEqual([
      [
        'Enumeration: Other.x has two messages, "foo" and "pho". The latter is used. ' +
          'Give them different names, or the same message.',
        'EquinodeWarning',
      ],
    ]);
    emitWarning.mockRestore();
  });
});

describe('an enumeration', () => {
  test.each(['promote', 'where', 'names', 'length', 'toString', 'title'])('has no item named %s', (name) => {
    expect(() => new Enumeration('E', { [name]: '' })).toThrow(
      new ArgumentError(
        `Enumeration: expected names that no enumeration has already, got ${name}. Take another name for the item.`,
      ),
    );
  });

  test('has messages that are strings', () => {
    expect(() => new Enumeration('E', { x: 5 as never })).toThrow(
      "Enumeration: expected a message at .x of E, got 5. '' stands for none.",
    );
  });
});

test('what is no title, no messages or no enumeration to extend', () => {
  expect(() => new Enumeration(3 as never, {})).toThrow('Enumeration: expected a title, got 3.');
  expect(() => new Enumeration('T', null as never)).toThrow(
    'expected an object of messages by name, got null.',
  );
  expect(() => new Enumeration('T', {}, A as never)).toThrow(
    'expected an array of enumerations to extend, got ',
  );
  expect(() => new Enumeration('T', {}, [1 as never])).toThrow('expected enumerations to extend, got 1.');
});
