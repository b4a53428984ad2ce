import { Complex } from '../../lib/base/complex';
import '../../lib/ops';
import { arange, full, zeros } from '../../lib/ops/create';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { codeOf, thrown } from '../support/thrown';

test('nested arrays follow the shape', () => {
  expect(tensor(3).toArray()).toBe(3);
  expect(arange(6).reshape([1, 2, 3]).toArray()).toEqual([
    [
      [0, 1, 2],
      [3, 4, 5],
    ],
  ]);
  expect(zeros([0]).toArray()).toEqual([]);
  expect(zeros([2, 0, 3]).toArray()).toEqual([[], []]);
  expect(zeros([0, 2]).toArray()).toEqual([]);
});

test('elements are read in row-major order whatever the strides', () => {
  const x = arange(6).reshape([2, 3]);
  expect(x.t().toArray()).toEqual([
    [0, 3],
    [1, 4],
    [2, 5],
  ]);
  expect(Array.from(x.t().toTypedArray() as BigInt64Array)).toEqual([0n, 3n, 1n, 4n, 2n, 5n]);
  expect(x.index(':', '::-1').toArray()).toEqual([
    [2, 1, 0],
    [5, 4, 3],
  ]);
  expect(tensor([1, 2]).expand([2, 2]).toArray()).toEqual([
    [1, 2],
    [1, 2],
  ]);
});

test.each([
  ['float32', Float32Array, [1]],
  ['float64', Float64Array, [1]],
  ['float16', Float32Array, [1]],
  ['bfloat16', Float32Array, [1]],
  ['int8', Int8Array, [1]],
  ['int16', Int16Array, [1]],
  ['int32', Int32Array, [1]],
  ['int64', BigInt64Array, [1n]],
  ['uint8', Uint8Array, [1]],
  ['uint16', Uint16Array, [1]],
  ['uint32', Uint32Array, [1]],
  ['uint64', BigUint64Array, [1n]],
  ['bool', Uint8Array, [1]],
  ['complex64', Float32Array, [1, 0]],
  ['complex128', Float64Array, [1, 0]],
] as const)('%s reads into its typed array', async (dtype, Class, values) => {
  const x = full([1], 1, { dtype });
  const read = x.toTypedArray();
  expect(read).toBeInstanceOf(Class);
  expect(Array.from<unknown>(read as never)).toEqual(values);
  expect(await x.data()).toEqual(read);
});

test('complex numbers that are conjugated or negated lazily read as what they are', () => {
  const x = tensor([new Complex(1, 2)]);
  expect(x.conj().toArray()).toEqual([new Complex(1, -2)]);
  expect(x.conj().imag().toArray()).toEqual([-2]);
  expect(x.conj().item()).toEqual(new Complex(1, -2));
});

test('what is read is a copy', () => {
  const x = tensor([1, 2]);
  (x.toTypedArray() as Float32Array)[0] = 9;
  expect(x.toArray()).toEqual([1, 2]);
});

test('data reads off the main thread, even if the tensor is disposed meanwhile', async () => {
  const x = arange(100000, { dtype: 'float32' });
  const reading = x.data();
  x.dispose();
  const values = await reading;
  expect([values.length, values[99999]]).toEqual([100000, 99999]);
  expect((await zeros([0]).data()).length).toBe(0);
});

test('many reads at once give each its own values', async () => {
  const all = await Promise.all(Array.from({ length: 50 }, (_, i) => full([1000], i).data()));
  expect(all.every((values, i) => values.every((value) => value === i))).toBe(true);
});

test.each<[string, (x: Tensor) => unknown]>([
  ['item', (x) => x.item()],
  ['toArray', (x) => x.toArray()],
  ['toTypedArray', (x) => x.toTypedArray()],
])('%s has nothing to read inside a transform', (op, read) => {
  const body = (x: Tensor): Tensor => {
    read(x);
    return x;
  };
  const runs: [string, () => unknown][] = [
    ['jit', () => jit(body)(tensor(1))],
    ['grad', () => grad(body)(tensor(1))],
    ['vmap', () => vmap(body)(tensor([1]))],
  ];
  for (const [transform, run] of runs) {
    const error = thrown(run);
    expect([error.code, error.op]).toEqual(['ERR_CONCRETISATION', op]);
    expect(error.message).toContain(transform);
  }
});

test('data inside a transform is refused too', async () => {
  let reading: Promise<unknown> | undefined;
  jit((x: Tensor) => {
    reading = x.data();
    return x;
  })(tensor(1));
  await expect(reading).rejects.toMatchObject({ code: 'ERR_CONCRETISATION', op: 'data' });
});

test('a tensor without data says so by the name of the read, without a backtrace', async () => {
  const x = zeros([2], { device: 'meta' });
  expect(x.device).toBe('meta');
  const error = thrown(() => x.toArray());
  expect(error.message).toBe('toArray: Cannot copy out of meta tensor; no data!');
  expect((error.cause as Error).message).toBe('Cannot copy out of meta tensor; no data!');
  await expect(x.data()).rejects.toMatchObject({
    code: 'ERR_OPERATOR',
    message: 'data: Cannot copy out of meta tensor; no data!',
  });
  expect(codeOf(() => x.index(0).item())).toBe('ERR_OPERATOR');
});
