import { Complex } from '../../lib/base/complex';
import { dtypes, type DType } from '../../lib/base/dtype';
import { OutOfMemoryError } from '../../lib/base/errors';
import '../../lib/ops';
import {
  arange,
  empty,
  emptyLike,
  eye,
  full,
  fullLike,
  linspace,
  ones,
  onesLike,
  zeros,
  zerosLike,
} from '../../lib/ops/create';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { jit, vmap } from '../../lib/transform';
import { codeOf, thrown } from '../support/thrown';

const facts = (x: Tensor): unknown => [x.dtype, x.shape, x.toArray()];

describe.each([
  ['zeros', zeros, 0],
  ['ones', ones, 1],
] as const)('%s', (name, make, value) => {
  test('fills a shape with its number, float32 unless told otherwise', () => {
    expect(facts(make([2, 2]))).toEqual([
      'float32',
      [2, 2],
      [
        [value, value],
        [value, value],
      ],
    ]);
    expect(facts(make(3))).toEqual(['float32', [3], [value, value, value]]);
    expect(facts(make([]))).toEqual(['float32', [], value]);
    expect(make([0, 5]).shape).toEqual([0, 5]);
    expect(facts(make([1], { dtype: 'bool' }))).toEqual(['bool', [1], [value === 1]]);
  });

  test('takes every dtype', () => {
    expect(dtypes.map((dtype) => make([1], { dtype }).dtype)).toEqual(dtypes);
  });

  test.each<[string, unknown, string]>([
    ['a fraction', [1.5], '[ 1.5 ]'],
    ['a negative size', [-1], '[ -1 ]'],
    ['NaN', [NaN], '[ NaN ]'],
    ['an integer that a number does not hold', [2 ** 53], '[ 9007199254740992 ]'],
    ['a bigint', [2n], '[ 2n ]'],
    ['a string', ['2'], "[ '2' ]"],
    ['nothing', undefined, 'undefined'],
    ['a tensor', tensor([1]), 'an object of class Tensor'],
  ])('%s is no shape', (_name, shape, words) => {
    const error = thrown(() => make(shape as number[]));
    expect([error.code, error.op]).toEqual(['ERR_ARGUMENT', name]);
    expect(error.message).toBe(`${name}: expected a shape of integers of at least 0, got ${words}.`);
  });

  test('unknown names are refused', () => {
    expect(codeOf(() => make([1], { dtype: 'float' as DType }))).toBe('ERR_DTYPE');
    expect(thrown(() => make([1], { device: 'tpu' })).message).toBe(
      `${name}: expected a device such as 'cpu', 'cuda' or 'cuda:0', got 'tpu'`,
    );
  });
});

describe('too much memory', () => {
  test('is an error that says how much was asked for and what is held, and the library works on', () => {
    const held = ones([1000]);
    const error = thrown(() => zeros([1e9, 1e9]));
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect(error.op).toBe('zeros');
    expect(error.message).toContain('you tried to allocate 4000000000000000000 bytes');
    expect(error.message).toMatch(/\d+ live tensor\(s\) of this thread hold \d+ bytes/);
    expect(held.sum().item()).toBe(1000);
  });

  test('sizes whose product no integer holds are refused', () => {
    expect(thrown(() => zeros([1e12, 1e12, 1e12])).message).toContain('Storage size calculation overflowed');
    expect(codeOf(() => zeros([2 ** 53 - 1]))).toBe('ERR_MEMORY');
    expect(codeOf(() => arange(1e18))).toBe('ERR_MEMORY');
    expect(codeOf(() => tensor([1]).expand([1e15]).add(1))).toBe('ERR_MEMORY');
    expect(codeOf(() => jit((x: Tensor) => x.expand([1e15]).add(1))(tensor([1])))).toBe('ERR_MEMORY');
    expect(ones([2]).add(1).toArray()).toEqual([2, 2]);
  });
});

test('empty has the shape, and whatever values', () => {
  expect([empty([2, 3]).shape, empty([2], { dtype: 'int8' }).dtype]).toEqual([[2, 3], 'int8']);
});

describe('full', () => {
  test('takes its dtype from the kind of the value', () => {
    expect(facts(full([2], 3))).toEqual(['float32', [2], [3, 3]]);
    expect(facts(full([1], true))).toEqual(['bool', [1], [true]]);
    expect(facts(full([1], 2n ** 60n))).toEqual(['int64', [1], [2n ** 60n]]);
    expect(facts(full([1], new Complex(1, 2)))).toEqual(['complex64', [1], [new Complex(1, 2)]]);
    expect(facts(full([1], NaN))).toEqual(['float32', [1], [NaN]]);
    expect(facts(full([], -Infinity, { dtype: 'float64' }))).toEqual(['float64', [], -Infinity]);
    expect(Object.is(full([], -0).item(), -0)).toBe(true);
  });

  test('a value that the dtype cannot hold is refused', () => {
    expect(codeOf(() => full([1], 300, { dtype: 'uint8' }))).toBe('ERR_OPERATOR');
    expect(codeOf(() => full([1], NaN, { dtype: 'int64' }))).toBe('ERR_OPERATOR');
    expect(codeOf(() => full([1], 2n ** 63n))).toBe('ERR_ARGUMENT');
    expect(codeOf(() => full([1], 'one' as unknown as number))).toBe('ERR_ARGUMENT');
  });
});

describe('arange', () => {
  test('counts from start to end, int64 where all is whole', () => {
    expect(facts(arange(3))).toEqual(['int64', [3], [0, 1, 2]]);
    expect(facts(arange(1, 4))).toEqual(['int64', [3], [1, 2, 3]]);
    // torch.arange(10, 0, -3), torch.arange(1, 2, 0.5), torch 2.13.0
    expect(facts(arange(10, 0, -3))).toEqual(['int64', [4], [10, 7, 4, 1]]);
    expect(facts(arange(1, 2, 0.5))).toEqual(['float32', [2], [1, 1.5]]);
    expect(facts(arange(2, { dtype: 'float64' }))).toEqual(['float64', [2], [0, 1]]);
    expect(facts(arange(0))).toEqual(['int64', [0], []]);
  });

  test.each([
    [5, 0, 1],
    [0, -3, 1],
    [0, 5, -1],
    [0, 5, 0],
    [0, 5, NaN],
    [0, Infinity, 1],
    [NaN, 5, 1],
  ])('a step that does not lead from %d to %d is refused: %d', (start, end, step) => {
    expect(codeOf(() => arange(start, end, step))).toBe('ERR_ARGUMENT');
  });

  test('no end is no range', () => {
    expect(codeOf(() => (arange as () => Tensor)())).toBe('ERR_ARGUMENT');
  });
});

test('linspace includes both ends', () => {
  // torch.linspace(-1, 1, 5), torch.linspace(0, 1, 1), torch 2.13.0
  expect(facts(linspace(-1, 1, 5))).toEqual(['float32', [5], [-1, -0.5, 0, 0.5, 1]]);
  expect(facts(linspace(0, 1, 1))).toEqual(['float32', [1], [0]]);
  expect(facts(linspace(0, 1, 0))).toEqual(['float32', [0], []]);
  expect(linspace(0, 1, 3, { dtype: 'float64' }).dtype).toBe('float64');
  expect(codeOf(() => linspace(0, 1, 2.5))).toBe('ERR_ARGUMENT');
  expect(codeOf(() => linspace(0, 1, -1))).toBe('ERR_OPERATOR');
});

test('eye is square unless it has columns', () => {
  expect(eye(2).toArray()).toEqual([
    [1, 0],
    [0, 1],
  ]);
  expect(eye(2, 3).toArray()).toEqual([
    [1, 0, 0],
    [0, 1, 0],
  ]);
  expect(facts(eye(1, { dtype: 'bool' }))).toEqual(['bool', [1, 1], [[true]]]);
  expect(eye(2, 1, { dtype: 'int32' }).dtype).toBe('int32');
  expect(eye(0).shape).toEqual([0, 0]);
  expect(codeOf(() => eye(-1))).toBe('ERR_ARGUMENT');
  expect(codeOf(() => eye(2, -1))).toBe('ERR_OPERATOR');
});

describe('the forms that follow another tensor', () => {
  const x = tensor([[1, 2]], { dtype: 'float64' });

  test('have its shape, dtype and device', () => {
    expect(facts(zerosLike(x))).toEqual(['float64', [1, 2], [[0, 0]]]);
    expect(facts(onesLike(x))).toEqual(['float64', [1, 2], [[1, 1]]]);
    expect(facts(fullLike(x, 7))).toEqual(['float64', [1, 2], [[7, 7]]]);
    expect([emptyLike(x).dtype, emptyLike(x).shape]).toEqual(['float64', [1, 2]]);
    expect(zerosLike(zeros([2], { device: 'meta' })).device).toBe('meta');
  });

  test('unless told otherwise', () => {
    expect(facts(onesLike(x, { dtype: 'int8' }))).toEqual(['int8', [1, 2], [[1, 1]]]);
    expect(codeOf(() => zerosLike(x, { dtype: 'x' as DType }))).toBe('ERR_DTYPE');
  });

  test('work inside transforms, and not on what is gone', () => {
    expect(vmap((row: Tensor) => onesLike(row))(x).toArray()).toEqual([[1, 1]]);
    expect(jit((a: Tensor) => fullLike(a, 3).add(a))(x).toArray()).toEqual([[4, 5]]);
    const gone = tensor([1]);
    gone.dispose();
    expect(thrown(() => onesLike(gone)).message).toMatch(/^onesLike: expected a live tensor/);
  });
});
