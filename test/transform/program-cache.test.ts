import type { Program } from '../../lib/transform/program';
import { ProgramCache, type CallKey } from '../../lib/transform/program-cache';
import { structure } from '../../lib/tree';

const program = (): Program => ({ native: {}, outLeaves: [], outStructure: structure([]), hidden: [] });
const key = (tree: unknown, statics: readonly unknown[], signature: string): CallKey => ({
  structure: structure(tree),
  statics,
  signature,
});

test('finds what was added under an equal key, and nothing under others', () => {
  const cache = new ProgramCache();
  const fn = (): void => undefined;
  const first = program();
  cache.add(key({ a: 0, b: [0] }, [1, 'x', fn, NaN], '6,3;'), first);
  expect(cache.find(key({ a: 0, b: [0] }, [1, 'x', fn, NaN], '6,3;'))).toBe(first);
  expect(cache.find(key({ a: 0, c: [0] }, [1, 'x', fn, NaN], '6,3;'))).toBeUndefined();
  expect(cache.find(key({ a: 0, b: [0, 0] }, [1, 'x', fn, NaN], '6,3;'))).toBeUndefined();
  expect(cache.find(key({ a: 0, b: [0] }, [1, 'x', fn, NaN], '6,4;'))).toBeUndefined();
  expect(cache.find(key({ a: 0, b: [0] }, [1, 'x', () => undefined, NaN], '6,3;'))).toBeUndefined();
  expect(cache.find(key({ a: 0, b: [0] }, [1, 'x', fn], '6,3;'))).toBeUndefined();
  expect(cache.find(key({ a: 0, b: [0] }, [true, 'x', fn, NaN], '6,3;'))).toBeUndefined();
});

test('keeps programs apart whose structures hash alike but differ in signature', () => {
  const cache = new ProgramCache();
  const programs = ['6;', '7;', '6,1;'].map((signature) => {
    const made = program();
    cache.add(key([0], [], signature), made);
    return made;
  });
  expect(['6;', '7;', '6,1;'].map((signature) => cache.find(key([0], [], signature)))).toEqual(programs);
});

test('forgets everything when it is cleared', () => {
  const cache = new ProgramCache();
  cache.add(key([0], [], ''), program());
  cache.clear();
  expect(cache.find(key([0], [], ''))).toBeUndefined();
});
