import { keystr, type Path } from '../../lib/tree';
import { atPath, printValue } from '../../lib/tree/path';

describe('keystr', () => {
  test('prints a path as access in code', () => {
    const layers = { kind: 'field', name: 'layers' } as const;
    const weight = { kind: 'field', name: 'weight' } as const;
    expect(keystr([layers, { kind: 'index', index: 2 }, weight])).toBe('.layers[2].weight');
    expect(keystr([{ kind: 'key', key: 'a' }])).toBe("['a']");
    expect(keystr([{ kind: 'key', key: 3 }])).toBe('[3]');
    expect(keystr([])).toBe('');
  });
});

test('keystr prints plain keys on demand, as jax.tree_util.keystr(path, simple=True, separator=".") does', () => {
  const path: Path = [
    { kind: 'field', name: 'layers' },
    { kind: 'index', index: 2 },
    { kind: 'key', key: 'w' },
    { kind: 'key', key: 4 },
  ];
  expect(keystr(path, { simple: true, separator: '.' })).toBe('layers.2.w.4');
  expect(keystr(path, { separator: ' ' })).toBe(".layers [2] ['w'] [4]");
});

test('a path in an error message says where the root is meant', () => {
  expect(atPath([])).toBe(' at the root');
  expect(atPath([{ kind: 'index', index: 1 }])).toBe(' at [1]');
});

test.each([
  ["it's", "'it\\'s'"],
  ['"quoted"\n', '\'"quoted"\\n\''],
  [1.5, '1.5'],
  [-0, '-0'],
  [3n, '3n'],
  [null, 'null'],
  [undefined, 'undefined'],
  [[1, ['a']], "[1, ['a']]"],
  [Math.abs, '<function abs>'],
  [new Date(0), '<Date>'],
  [{ a: 1, b: { c: { d: [1] } } }, "{'a': 1, 'b': {'c': {'d': [...]}}}"],
  [new Date(0), '<Date>'],
  [Array.from({ length: 20 }, () => 0), '[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...]'],
  [true, 'true'],
])('the value %p prints as %s', (value, text) => {
  expect(printValue(value)).toBe(text);
});
