import * as fc from 'fast-check';
import { hashStatic, sameStatic } from '../../lib/tree';
import { isPlainObject } from '../../lib/tree/static-value';
import { runInNewContext } from 'node:vm';

describe('static values', () => {
  test('are the same by value for primitives, where NaN equals itself and 0 differs from -0', () => {
    expect(sameStatic(1, 1)).toBe(true);
    expect(sameStatic('a', 'a')).toBe(true);
    expect(sameStatic(NaN, NaN)).toBe(true);
    expect(sameStatic(0, -0)).toBe(false);
    expect(sameStatic(1, 1n)).toBe(false);
    expect(sameStatic(1, true)).toBe(false);
    expect(sameStatic(null, undefined)).toBe(false);
  });

  test('are the same by content for arrays and plain objects', () => {
    expect(sameStatic([1, [2, { a: 3 }]], [1, [2, { a: 3 }]])).toBe(true);
    expect(sameStatic({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true);
    expect(sameStatic([1, 2], [1])).toBe(false);
    expect(sameStatic({ a: undefined }, { b: undefined })).toBe(false);
    expect(sameStatic([1], { 0: 1 })).toBe(false);
    expect(sameStatic({ 0: 1 }, [1])).toBe(false);
  });

  test('are the same by identity for functions and class instances', () => {
    const f = () => 1;
    const date = new Date(0);
    expect(sameStatic([f, date], [f, date])).toBe(true);
    expect(sameStatic(f, () => 1)).toBe(false);
    expect(sameStatic(date, new Date(0))).toBe(false);
    expect(hashStatic(f)).toBe(hashStatic(f));
    expect(hashStatic(f)).not.toBe(hashStatic(() => 1));
  });

  test('hash equally when they are the same', () => {
    const value = fc.anything({ withBigInt: true });
    fc.assert(
      fc.property(value, (v) => {
        const copy: unknown = Array.isArray(v) ? [...(v as unknown[])] : isPlainObject(v) ? { ...v } : v;
        expect(sameStatic(v, copy)).toBe(true);
        expect(hashStatic(v)).toBe(hashStatic(copy));
      }),
    );
    fc.assert(
      fc.property(value, value, (v, w) => {
        expect(!sameStatic(v, w) || hashStatic(v) === hashStatic(w)).toBe(true);
      }),
    );
  });

  test('may be of any depth, and contain themselves', () => {
    const deep = (bottom: unknown) => {
      let value = bottom;
      for (let i = 0; i < 100_000; i++) value = i % 2 === 0 ? [value] : { a: value };
      return value;
    };
    expect(sameStatic(deep(1), deep(1))).toBe(true);
    expect(sameStatic(deep(1), deep(2))).toBe(false);
    expect(hashStatic(deep(1))).toBe(hashStatic(deep(1)));
    const cycle = (length: number, last: number) => {
      const head: unknown[] = [];
      let value: unknown[] = head;
      for (let i = 1; i < length; i++) value = [value, i === length - 1 ? last : 0];
      head.push(value, 0);
      return head;
    };
    expect(sameStatic(cycle(2, 0), cycle(3, 0))).toBe(true);
    expect(hashStatic(cycle(2, 0))).toBe(hashStatic(cycle(3, 0)));
    expect(sameStatic(cycle(3, 0), cycle(3, 1))).toBe(false);
  });

  test('know the plain objects of other realms', () => {
    expect(isPlainObject(runInNewContext('({ a: 1 })'))).toBe(true);
    expect(isPlainObject(runInNewContext('new Date()'))).toBe(false);
    expect(isPlainObject(Object.create(null))).toBe(true);
    expect(isPlainObject(Object.create({}))).toBe(false);
  });
});
