import { Complex } from '../../lib/base/complex';
import { field, Module, treeEqual, treeEqualTraced } from '../../lib/module';
import { add, full } from '../../lib/ops';
import { Tensor } from '../../lib/tensor/tensor';

class Scale extends Module {
  static readonly fields = { mode: field({ static: true }) };
  readonly by: Tensor;
  readonly mode: string;

  constructor(by: number, mode = 'a') {
    super();
    this.by = float(by);
    this.mode = mode;
  }
}

const float = (value: number, shape: number[] = [2]): Tensor => full(shape, value, { dtype: 'float32' });
const int = (value: number): Tensor => full([2], value, { dtype: 'int32' });

type Case = readonly [name: string, same: boolean, trees: readonly [unknown, unknown, ...unknown[]]];

const cases: readonly Case[] = [
  ['equal tensors', true, [{ a: float(1) }, { a: float(1) }]],
  ['other elements', false, [float(1), float(2)]],
  ['another shape', false, [float(1), float(1, [3])]],
  ['a shape that broadcasts', false, [float(1), float(1, [1])]],
  ['another dtype', false, [float(1), int(1)]],
  ['a number instead of a tensor', false, [float(1, []), 1]],
  ['NaN in a tensor', false, [float(NaN), float(NaN)]],
  ['NaN as a number', false, [NaN, NaN]],
  ['another structure', false, [[1], [1, 2]]],
  ['null and undefined', false, [null, undefined]],
  ['equal modules', true, [new Scale(1), new Scale(1)]],
  ['another static field', false, [new Scale(1, 'a'), new Scale(1, 'b')]],
  [
    'numbers of other types',
    true,
    [
      [1, 1, 0],
      [1n, true, false],
    ],
  ],
  ['numbers of other types with typematch', false, [1, true, { typematch: true }]],
  ['equal numbers with typematch', true, [[1], [1], { typematch: true }]],
  ['complex numbers', true, [new Complex(1, 2), new Complex(1, 2)]],
  ['functions', false, [() => 1, () => 1]],
  ['equal dates', true, [new Date(5), new Date(5)]],
  ['other dates', false, [new Date(5), new Date(6)]],
  ['the same function', true, [Math.abs, Math.abs]],
  ['equal typed arrays', true, [new Uint8Array([1, 2]), new Uint8Array([1, 2])]],
  ['typed arrays of other types', false, [new Uint8Array([1]), new Int8Array([1])]],
  ['a third tree that differs', false, [float(1), float(1), float(2)]],
  ['no leaves', true, [[], []]],
  ['a difference within atol', true, [float(1), add(float(1), 1e-4), { atol: 1e-3 }]],
  ['a difference beyond atol', false, [float(1), add(float(1), 1e-2), { atol: 1e-3 }]],
  ['a difference within rtol', true, [float(1000), float(1000.5), { rtol: 1e-3 }]],
  ['integers, which have no tolerance', false, [int(1), int(2), { atol: 5 }]],
  ['a plain object that is no options', false, [{ atol: 1 }, { atol: 2, b: 3 }]],
];

describe('treeEqual', () => {
  test.each(cases)('for %s', (_, same, trees) => {
    expect(treeEqual(...trees)).toBe(same);
  });

  test('refuses fewer than two trees', () => {
    expect(() => treeEqual(1, { atol: 1 })).toThrow('treeEqual: expected two or more trees, got 1.');
  });
});

describe('treeEqualTraced', () => {
  test.each(cases)('gives a boolean scalar for %s', (_, same, trees) => {
    const result = treeEqualTraced(...trees);
    expect(result).toBeInstanceOf(Tensor);
    expect(result.dtype).toBe('bool');
    expect(result.shape).toEqual([]);
    expect(treeEqual(result, full([], same, { dtype: 'bool' }))).toBe(true);
  });
});
