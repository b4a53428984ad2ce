import { runInNewContext } from 'node:vm';
import { Complex } from '../../lib/base/complex';
import type { DType } from '../../lib/base/dtype';
import { memory } from '../../lib/tensor/memory';
import { fromBuffer, tensor, toBuffer, type TensorData } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { liveTensors } from '../support/collect';
import { codeOf, thrown } from '../support/thrown';

const facts = (x: Tensor): unknown => [x.dtype, x.shape, x.toArray()];

test('numbers make float32, booleans bool, bigints int64, complex numbers complex64', () => {
  expect(facts(tensor(1))).toEqual(['float32', [], 1]);
  expect(facts(tensor([1, 2]))).toEqual(['float32', [2], [1, 2]]);
  expect(facts(tensor([true, false]))).toEqual(['bool', [2], [true, false]]);
  expect(facts(tensor([1n, -2n]))).toEqual(['int64', [2], [1, -2]]);
  expect(facts(tensor([new Complex(1, -2), 3]))).toEqual([
    'complex64',
    [2],
    [new Complex(1, -2), new Complex(3, 0)],
  ]);
});

test('mixed elements make float32', () => {
  expect(facts(tensor([true, 2]))).toEqual(['float32', [2], [1, 2]]);
  expect(facts(tensor([1n, 0.5]))).toEqual(['float32', [2], [1, 0.5]]);
});

test('the shape is that of the nesting, also without elements', () => {
  expect(
    facts(
      tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    ),
  ).toEqual([
    'float32',
    [2, 3],
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
  ]);
  expect(tensor([[[1], [2]]]).shape).toEqual([1, 2, 1]);
  expect(facts(tensor([]))).toEqual(['float32', [0], []]);
  expect(facts(tensor([[], []]))).toEqual(['float32', [2, 0], [[], []]]);
});

test('NaN and the infinities stay what they are in every floating-point dtype', () => {
  for (const dtype of ['float16', 'bfloat16', 'float32', 'float64'] as const) {
    expect(tensor([NaN, Infinity, -Infinity, -0], { dtype }).toArray()).toEqual([
      NaN,
      Infinity,
      -Infinity,
      -0,
    ]);
  }
});

test('half precision rounds as torch does', () => {
  // torch.tensor([1/3, 65504, 1e-8, 3.14159265, -2.5, 70000.]).to(dtype).to(torch.float32).tolist(), torch 2.13.0
  const values = [1 / 3, 65504, 1e-8, 3.14159265, -2.5, 70000];
  expect(tensor(values, { dtype: 'float16' }).toArray()).toEqual([
    0.333251953125,
    65504,
    0,
    3.140625,
    -2.5,
    Infinity,
  ]);
  expect(tensor(values, { dtype: 'bfloat16' }).toArray()).toEqual([
    0.333984375, 65536, 1.0011717677116394e-8, 3.140625, -2.5, 70144,
  ]);
});

const typed: [DType, TensorData, unknown[]][] = [
  ['float32', new Float32Array([1.5, -2]), [1.5, -2]],
  ['float64', new Float64Array([0.1]), [0.1]],
  ['int8', new Int8Array([-128, 127]), [-128, 127]],
  ['int16', new Int16Array([-32768]), [-32768]],
  ['int32', new Int32Array([-(2 ** 31)]), [-(2 ** 31)]],
  ['int64', new BigInt64Array([2n ** 62n, 3n]), [2n ** 62n, 3]],
  ['uint8', new Uint8Array([255]), [255]],
  ['uint8', new Uint8ClampedArray([300]), [255]],
  ['uint16', new Uint16Array([65535]), [65535]],
  ['uint32', new Uint32Array([2 ** 32 - 1]), [2 ** 32 - 1]],
  ['uint64', new BigUint64Array([2n ** 64n - 1n]), [2n ** 64n - 1n]],
];

test.each(typed)('a typed array makes %s', (dtype, data, values) => {
  expect(facts(tensor(data))).toEqual([dtype, [values.length], values]);
});

test('a typed array is copied: from a part of its buffer, from shared memory and from another realm', () => {
  const whole = Float32Array.from([1, 2, 3, 4]);
  const part = tensor(whole.subarray(1, 3));
  whole.fill(9);
  expect(part.toArray()).toEqual([2, 3]);
  const shared = new Float32Array(new SharedArrayBuffer(8));
  shared[1] = 5;
  expect(tensor(shared).toArray()).toEqual([0, 5]);
  const foreign = runInNewContext('new Int16Array([7, 8])') as Int16Array;
  expect(facts(tensor(foreign))).toEqual(['int16', [2], [7, 8]]);
});

test('a typed array converts to another dtype, and stands among arrays as a row', () => {
  expect(facts(tensor(new Float64Array([1.75]), { dtype: 'int32' }))).toEqual(['int32', [1], [1]]);
  expect(facts(tensor([new Float64Array([1, 2]), [3, 4]]))).toEqual([
    'float32',
    [2, 2],
    [
      [1, 2],
      [3, 4],
    ],
  ]);
});

test('tensors are copied with their dtype, and stand among arrays as parts', () => {
  const x = tensor([1, 2], { dtype: 'int32' });
  const copy = tensor(x);
  x.dispose();
  expect(facts(copy)).toEqual(['int32', [2], [1, 2]]);
  expect(tensor([tensor([1, 2]), [3, 4]]).toArray()).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(tensor([tensor(1), 2]).toArray()).toEqual([1, 2]);
});

test('integers beyond 2^53 keep every digit', () => {
  const big = [2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n];
  expect(tensor(big).toArray()).toEqual(big);
  expect(tensor([2n ** 64n - 1n, 2n ** 63n], { dtype: 'uint64' }).toArray()).toEqual([
    2n ** 64n - 1n,
    2n ** 63n,
  ]);
  expect(tensor([2n ** 53n + 1n, 2.9], { dtype: 'int64' }).toArray()).toEqual([2n ** 53n + 1n, 2]);
});

test('fractions are cut off for integers, and any number but 0 is true', () => {
  // torch.tensor([1.9, -1.9], dtype=torch.int32).tolist() == [1, -1]
  expect(tensor([1.9, -1.9], { dtype: 'int32' }).toArray()).toEqual([1, -1]);
  expect(tensor([-0.9], { dtype: 'uint8' }).toArray()).toEqual([0]);
  expect(tensor([0, 2, NaN], { dtype: 'bool' }).toArray()).toEqual([false, true, true]);
});

test.each([
  ['int8', 128, -129],
  ['int16', 2 ** 15, -(2 ** 15) - 1],
  ['int32', 2 ** 31, -(2 ** 31) - 1],
  ['int64', 2 ** 63, -(2 ** 64)],
  ['int64', 2n ** 63n, -(2n ** 63n) - 1n],
  ['uint8', 256, -1],
  ['uint16', 2 ** 16, -1],
  ['uint32', 2 ** 32, -1n],
  ['uint64', 2n ** 64n, -1n],
] as const)('a number beyond the range of %s is refused', (dtype, above, below) => {
  expect(codeOf(() => tensor([above], { dtype }))).toBe('ERR_ARGUMENT');
  expect(codeOf(() => tensor([below], { dtype }))).toBe('ERR_ARGUMENT');
});

test('what a dtype cannot hold is refused with its place', () => {
  expect(
    thrown(() =>
      tensor(
        [
          [1, 2],
          [3, 300],
        ],
        { dtype: 'uint8' },
      ),
    ).message,
  ).toBe('tensor: expected integers from 0 to 255 for uint8, got 300 at [1][1].');
  expect(thrown(() => tensor(NaN, { dtype: 'int64' })).message).toBe(
    'tensor: expected integers from -9223372036854775808 to 9223372036854775807 for int64, got NaN at the top.',
  );
  expect(thrown(() => tensor([2n ** 64n])).message).toMatch(/got 18446744073709551616 at \[0\]/);
  expect(codeOf(() => tensor([Infinity], { dtype: 'int32' }))).toBe('ERR_ARGUMENT');
  expect(codeOf(() => tensor([new Complex(1, 2)], { dtype: 'int32' }))).toBe('ERR_ARGUMENT');
  expect(thrown(() => tensor([0, new Complex(1, 2)], { dtype: 'float64' })).message).toBe(
    'tensor: expected real numbers for float64, got 1+2j at [1].',
  );
});

test.each<[string, unknown, string]>([
  ['a row that is too short', [[1, 2], [3]], '[1]'],
  [
    'a row that is too long',
    [
      [[1], [2]],
      [[3], [4, 5]],
    ],
    '[1][1]',
  ],
  ['an array among numbers', [1, [2]], '[1]'],
  ['a number among arrays', [[1], 2], '[1]'],
  ['a row after an empty one', [[], [1]], '[1]'],
  ['a typed array of another length', [new Float32Array(2), new Float32Array(3)], '[1]'],
  ['a tensor of another shape', [[1, 2], tensor([1, 2, 3])], '[1]'],
])('ragged data names the place: %s', (_name, data, place) => {
  const error = thrown(() => tensor(data as TensorData));
  expect(error.code).toBe('ERR_SHAPE');
  expect(error.message).toContain(` at ${place}. Rows must have equal lengths.`);
});

test.each<[string, unknown, string]>([
  ['a string', ['1'], "got '1' at [0]"],
  ['null', null, 'got null at the top'],
  ['undefined', undefined, 'got undefined at the top'],
  ['a hole', [1, undefined], 'got undefined at [1]'],
  ['a function', [() => 1], 'got a function at [0]'],
  ['a date', [new Date(0)], 'got an object of class Date at [0]'],
  ['an object without class', Object.create(null), 'got an object at the top'],
  ['a view without a type', new DataView(new ArrayBuffer(8)), 'got an object of class DataView at the top'],
])('%s is no element', (_name, data, words) => {
  const error = thrown(() => tensor(data as TensorData));
  expect(error.code).toBe('ERR_ARGUMENT');
  expect(error.message).toContain(words);
});

test('an array that holds itself is refused', () => {
  const knot: unknown[] = [];
  knot.push(knot);
  expect(thrown(() => tensor(knot as TensorData)).message).toMatch(/at most 64 deep/);
});

test('unknown dtypes and devices are refused, and nothing is left', () => {
  const before = liveTensors();
  const dtype = thrown(() => tensor([1], { dtype: 'f32' as DType }));
  expect([dtype.code, dtype.op]).toEqual(['ERR_DTYPE', 'tensor']);
  expect(dtype.message).toContain('got "f32"');
  expect(thrown(() => tensor([1], { device: 'gpu' })).message).toBe(
    "tensor: expected a device such as 'cpu', 'cuda' or 'cuda:0', got 'gpu'",
  );
  expect(memory().tensors).toBe(before);
});

test('a value that is not known inside a transform cannot be copied', () => {
  const copy = (x: Tensor): Tensor => tensor([x, x]).sum();
  expect(codeOf(() => jit(copy)(tensor(1)))).toBe('ERR_CONCRETISATION');
  expect(codeOf(() => grad(copy)(tensor(1)))).toBe('ERR_CONCRETISATION');
  expect(codeOf(() => vmap(copy)(tensor([1, 2])))).toBe('ERR_CONCRETISATION');
});

describe('fromBuffer', () => {
  test('shares the memory of a buffer', () => {
    const memoryOf = new Float32Array([1, 2, 3, 4]);
    const x = fromBuffer(memoryOf, [2, 2], 'float32');
    memoryOf[3] = 9;
    expect(x.toArray()).toEqual([
      [1, 2],
      [3, 9],
    ]);
  });

  test('takes ArrayBuffer, Buffer, a part of one and shared memory', () => {
    expect(fromBuffer(new ArrayBuffer(8), [2], 'int32').toArray()).toEqual([0, 0]);
    expect(fromBuffer(Buffer.from([1, 2, 3]), [3], 'uint8').toArray()).toEqual([1, 2, 3]);
    expect(fromBuffer(new Int16Array([1, 2, 3]).subarray(1), [2], 'int16').toArray()).toEqual([2, 3]);
    expect(fromBuffer(new SharedArrayBuffer(16), [1], 'complex128').item()).toEqual(new Complex(0, 0));
  });

  test('copies where the address does not fit the element, and where the buffer can be resized', () => {
    const bytes = Buffer.alloc(9 + 8);
    const start = (4 - (bytes.byteOffset % 4)) % 4;
    bytes.writeFloatLE(1.5, start + 1);
    const odd = fromBuffer(bytes.subarray(start + 1, start + 5), [1], 'float32');
    bytes.fill(0);
    expect(odd.item()).toBe(1.5);
    const Resizable = ArrayBuffer as unknown as new (
      size: number,
      options: object,
    ) => ArrayBuffer & { resize(size: number): void };
    const resizable = new Resizable(1 << 20, { maxByteLength: 1 << 21 });
    const x = fromBuffer(resizable, [1 << 20], 'uint8');
    resizable.resize(0);
    expect(x.toTypedArray().every((value) => value === 0)).toBe(true);
  });

  test('its inverse is toBuffer, in the dtype itself', () => {
    const half = fromBuffer(new Uint16Array([0x3c00, 0xc000]), [2], 'float16');
    expect(half.toArray()).toEqual([1, -2]);
    expect(Array.from(toBuffer(half))).toEqual([0x00, 0x3c, 0x00, 0xc0]);
    expect(toBuffer(tensor([])).byteLength).toBe(0);
  });

  test('without elements there is nothing to share', () => {
    expect(fromBuffer(new ArrayBuffer(0), [0, 3], 'float32').shape).toEqual([0, 3]);
  });

  test('wrong sizes, shapes, dtypes and buffers are refused', () => {
    expect(thrown(() => fromBuffer(new ArrayBuffer(8), [3], 'float32')).message).toBe(
      'fromBuffer: expected 12 bytes for float32[3], got 8.',
    );
    expect(codeOf(() => fromBuffer(new ArrayBuffer(8), [2 ** 32, 2 ** 32], 'float32'))).toBe('ERR_SHAPE');
    for (const shape of [[-1, -2], [2.5, 0], [NaN], 2, null]) {
      expect(codeOf(() => fromBuffer(new ArrayBuffer(8), shape as number[], 'float32'))).toBe('ERR_ARGUMENT');
    }
    expect(codeOf(() => fromBuffer(new ArrayBuffer(8), [2], 'float' as DType))).toBe('ERR_DTYPE');
    expect(thrown(() => fromBuffer(null as unknown as ArrayBuffer, [2], 'float32')).message).toBe(
      'fromBuffer: expected an ArrayBuffer, a Buffer or a typed array, got null.',
    );
  });
});
