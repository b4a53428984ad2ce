import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { map, structure } from '../../lib/tree';
import { anyTree } from '../support/trees';

describe('Structure', () => {
  test('prints as the tree is written, with stars for leaves', () => {
    const t = {
      a: [1, null],
      'b c': new Map<unknown, unknown>([
        ['k', undefined],
        [2, 'x'],
      ]),
      c: {},
    };
    const text = "Structure({'a': [*, null], 'b c': Map({'k': undefined, 2: *}), 'c': {}})";
    expect(structure(t).toString()).toBe(text);
    expect(inspect(structure(t))).toBe(text);
    expect(structure(1).toString()).toBe('Structure(*)');
  });

  test('is equal, and hashes equally, for trees that differ in their leaves only', () => {
    fc.assert(
      fc.property(anyTree, (t) => {
        const a = structure(t);
        const b = structure(map(() => 0, t));
        expect(a.equals(b) && b.equals(a)).toBe(true);
        expect(a.hash).toBe(b.hash);
        expect(Number.isInteger(a.hash)).toBe(true);
      }),
    );
  });

  test('is equal exactly when it prints equally, for trees of arrays, objects and maps', () => {
    fc.assert(
      fc.property(anyTree, anyTree, (s, t) => {
        const same = structure(s).toString() === structure(t).toString();
        expect(structure(s).equals(structure(t))).toBe(same);
      }),
    );
  });

  test.each([
    ['length', [1], [1, 2]],
    ['kind', [1], { 0: 1 }],
    ['key', { a: 1 }, { b: 1 }],
    ['place of a node', [[1], 2], [1, [2]]],
    ['empty node', [null], [undefined]],
    ['empty container', [], {}],
    [
      'order of Map keys',
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
      new Map([
        ['b', 1],
        ['a', 2],
      ]),
    ],
  ])('differs by %s', (_, s, t) => {
    expect(structure(s).equals(structure(t))).toBe(false);
    expect(structure(s).hash).not.toBe(structure(t).hash);
  });

  test('does not depend on the order in which keys were written', () => {
    expect(structure({ a: 1, b: 2 }).equals(structure({ b: 1, a: 2 }))).toBe(true);
  });

  test('counts its leaves', () => {
    expect(structure([1, { a: [2, null] }]).leafCount).toBe(2);
  });
});
