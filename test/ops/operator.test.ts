import { Complex } from '../../lib/base/complex';
import { EquinodeError } from '../../lib/base/errors';
import * as ops from '../../lib/ops';
import { callNamed } from '../../lib/ops/call';
import type { Tensor } from '../../lib/tensor/tensor';

const x = ops.reshape(ops.arange(6, { dtype: 'float32' }), [2, 3]);

test('operators work as functions and as methods', () => {
  expect(ops.add(x, 1).toArray()).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(x.mul(x).sum(1).toArray()).toEqual([5, 50]);
  expect(x.sum(0, { keepdim: true }).shape).toEqual([1, 3]);
  expect(ops.cat([x, x], 1).shape).toEqual([2, 6]);
  expect(ops.var(x, { correction: 0 }).item()).toBeCloseTo(35 / 12, 6);
});

test('a number does not change the dtype within its kind', () => {
  expect(x.add(2).dtype).toBe('float32');
  expect(x.maximum(2.5).dtype).toBe('float32');
  expect(ops.arange(3).add(1).dtype).toBe('int64');
  expect(ops.arange(3).mul(0.5).dtype).toBe('float32');
  expect(x.mul(new Complex(0, 1)).dtype).toBe('complex64');
  expect(
    ops
      .arange(3)
      .sub(2n ** 53n + 1n)
      .toArray(),
  ).toEqual([-(2n ** 53n) - 1n, -(2n ** 53n), -(2 ** 53) + 1]);
});

test('several results are a tuple, lists are arrays', () => {
  const [values, indices] = x.max(1);
  expect([values.toArray(), indices.toArray()]).toEqual([
    [2, 5],
    [2, 2],
  ]);
  expect(x.unbind(1).map((column) => column.toArray())).toEqual([
    [0, 3],
    [1, 4],
    [2, 5],
  ]);
  expect(ops.promoteTypes('int32', 'float16')).toBe('float16');
  expect(x.equal(x)).toBe(true);
  expect(x.numel()).toBe(6);
});

test('callNamed reaches operators that have no function', () => {
  const indices = callNamed('aten::_unique2', ops.floorDivide(x, 2), true, true) as Tensor[];
  expect(indices.map((one) => one.toArray())).toEqual([
    [0, 1, 2],
    [
      [0, 0, 1],
      [1, 2, 2],
    ],
    [],
  ]);
  expect(() => callNamed('aten::no_such')).toThrow(
    'callNamed: expected an operator of libtorch, got aten::no_such.',
  );
});

test('normalising with statistics leaves them as they are', () => {
  const mean = ops.zeros([3]);
  const variance = ops.ones([3]);
  ops.batchNorm(x, null, null, mean, variance, true, 0.1, 1e-5, false);
  expect([mean.toArray(), variance.toArray()]).toEqual([
    [0, 0, 0],
    [1, 1, 1],
  ]);
});

test("libtorch's refusal names the operator", () => {
  const attempt = (): unknown => ops.matmul(x, x);
  expect(attempt).toThrow(EquinodeError);
  expect(attempt).toThrow(/matmul/);
});

test('functions have their names', () => {
  expect([ops.logSoftmax.name, ops.var.name, x.logSoftmax.name]).toEqual(['logSoftmax', 'var', 'logSoftmax']);
});

test('types follow the schemas', () => {
  const pair: [Tensor, Tensor] = x.sort();
  const flag: boolean = ops.allclose(x, x, { rtol: 1e-5 });
  // @ts-expect-error -- there is no such option
  expect(() => x.sum({ keepdims: true })).toThrow(/keepdim/);
  // @ts-expect-error -- a dimension is no text
  expect(() => x.sum('first')).toThrow(/expected/);
  // @ts-expect-error -- in-place operators stay inside
  expect(x.add_).toBeUndefined();
  expect([pair.length, flag]).toEqual([2, true]);
});
