import type { Program } from '../../lib/transform/program';
import { Partial } from '../../lib/module';
import { filterGrad, filterJit, filterVmap } from '../../lib/transform';
import { cacheOf, ProgramCache, tensorMark, type CallKey } from '../../lib/transform/program-cache';
import { structure } from '../../lib/tree';

const program = (): Program => ({
  native: {},
  outLeaves: [],
  outStructure: structure([]),
  looks: [],
  hidden: [],
  kept: [],
  groups: [],
  needsHost: false,
});
const key = (tree: unknown, leaves: readonly unknown[], signature: string): CallKey => ({
  structure: structure(tree),
  leaves,
  signature,
});

test('finds what was added under an equal key, and nothing under others', () => {
  const cache = new ProgramCache();
  const fn = (): void => undefined;
  const first = program();
  cache.add(key({ a: 0, b: [0] }, [1, 'x', fn, NaN], '6,3;'), first);
  expect(cache.find(key({ a: 0, b: [0] }, [1, 'x', fn, NaN], '6,3;'))?.program).toBe(first);
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
  expect(['6;', '7;', '6,1;'].map((signature) => cache.find(key([0], [], signature))?.program)).toEqual(
    programs,
  );
});

test('forgets everything when it is cleared', () => {
  const cache = new ProgramCache();
  cache.add(key([0], [], ''), program());
  cache.clear();
  expect(cache.find(key([0], [], ''))).toBeUndefined();
});

test('tells a tensor before a value from a value before a tensor', () => {
  const cache = new ProgramCache();
  cache.add(key([0, 0], [tensorMark, 2], '6;'), program());
  expect(cache.find(key([0, 0], [2, tensorMark], '6;'))).toBeUndefined();
});

test('forgets the first of very many programs', () => {
  const cache = new ProgramCache();
  for (let i = 0; i < 1030; i++) cache.add(key([0], [i], ''), program());
  expect(cache.find(key([0], [0], ''))).toBeUndefined();
  expect(cache.find(key([0], [1029], ''))?.number).toBe(1030);
  expect(cache.entries()).toHaveLength(1024);
});

test('is one for a function, whatever wraps it', () => {
  const f = (a: never): never => a;
  const cache = cacheOf(f);
  expect(cacheOf(filterGrad(f as never))).toBe(cache);
  expect(cacheOf(filterVmap(filterGrad(f as never), { inAxes: 1 }))).toBe(cache);
  expect(cacheOf(filterJit(new Partial(f, [3])))).toBe(cache);
  expect(cacheOf((a: never): never => a)).not.toBe(cache);
});
