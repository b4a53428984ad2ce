import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, DtypeError, ShapeError } from '../../lib/base/errors';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { slice, type IndexSpec } from '../../lib/ops/indexing';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';

type Nested<T> = T | Nested<T>[];
type Entry = number | string | null | { int: Nested<number> } | { bool: Nested<boolean> };
type Update = 'set' | 'add' | 'mul' | 'min' | 'max';

/** scripts/fixtures/indexing.py: NumPy's x[index] and JAX's x.at[index]. */
interface Case extends Record<Update, number[]> {
  readonly shape: number[];
  readonly index: Entry[];
  readonly partShape: number[];
  readonly part: number[];
  readonly valueShape: number[];
  readonly value: number[];
}

const cases = readFileSync(join(__dirname, '../fixtures/ops/indexing.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);

function specOf(entry: Entry): IndexSpec {
  if (typeof entry !== 'object' || entry === null) return entry;
  return 'int' in entry ? tensor(entry.int, { dtype: 'int64' }) : tensor(entry.bool, { dtype: 'bool' });
}

function shaped(values: readonly number[], shape: readonly number[]): Tensor {
  return ops.reshape(tensor([...values], { dtype: 'float64' }), shape);
}

function counting(shape: readonly number[]): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return ops.reshape(ops.arange(1, size + 1, { dtype: 'float64' }), shape);
}

const flat = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float64Array);

test.each(cases.map((one, i) => [i, JSON.stringify(one.index), one] as const))(
  'case %i: %s is what NumPy takes and JAX updates',
  (_i, _text, one) => {
    const x = counting(one.shape);
    const specs = one.index.map(specOf);
    const part = x.index(...specs);
    expect(part.shape).toEqual(one.partShape);
    expect(flat(part)).toEqual(one.part);
    expect(flat(x.at(...specs).get())).toEqual(one.part);

    const value = shaped(one.value, one.valueShape);
    expect(flat(x.at(...specs).set(-1))).toEqual(one.set);
    for (const kind of ['add', 'mul', 'min', 'max'] as const) {
      expect([kind, flat(x.at(...specs)[kind](value))]).toEqual([kind, one[kind]]);
    }
    expect(flat(x)).toEqual(flat(counting(one.shape)));
  },
);

const x = counting([2, 3]);
const positions = (values: number[]): Tensor => tensor(values, { dtype: 'int64' });

test('slice is the same as its range string', () => {
  expect(x.index('...', slice(1)).toArray()).toEqual(x.index('...', '1:').toArray());
  expect(x.index('...', slice(null, null, -2)).toArray()).toEqual([
    [3, 1],
    [6, 4],
  ]);
  expect(x.index(slice(0, -1)).shape).toEqual([1, 3]);
});

test('small integer types index too', () => {
  for (const dtype of ['uint8', 'int8', 'int16', 'int32', 'uint32'] as const) {
    expect(x.index(tensor([1, 0, 1], { dtype })).shape).toEqual([3, 3]);
  }
});

test('no index gives a tensor of its own', () => {
  const alias = x.index();
  alias.dispose();
  expect(x.toArray()).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
});

test('set puts each value in its place and keeps the dtype', () => {
  const changed = counting([4])
    .at(positions([3, 0]))
    .set(positions([10, 20]));
  expect([changed.toArray(), changed.dtype]).toEqual([[20, 2, 3, 10], 'float64']);
  expect(
    ops
      .arange(3)
      .at(tensor([true, false, true]))
      .set(7)
      .toArray(),
  ).toEqual([7, 1, 7]);
  expect(
    ops
      .arange(4)
      .at(tensor([true, false, true, false]))
      .set(tensor([5, 6], { dtype: 'int64' }))
      .toArray(),
  ).toEqual([5, 1, 6, 3]);
  expect(ops.arange(3).eq(0).at(1).set(true).toArray()).toEqual([true, true, false]);
});

test('steps in between are released', () => {
  const rows = positions([1, 0]);
  const before = native().memory().tensors;
  const part = x.index(rows, '::-1', null);
  const changed = x.at(rows, '::-1').mul(2);
  expect(native().memory().tensors).toBe(before + 2);
  part.dispose();
  changed.dispose();
});

describe('mistakes', () => {
  const messages: [() => unknown, new (message: string) => Error, string][] = [
    [() => x.index(2), ArgumentError, 'index: expected an index from -2 to 1 for axis 0 of size 2, got 2.'],
    [
      () => x.index(0, -4),
      ArgumentError,
      'index: expected an index from -3 to 2 for axis 1 of size 3, got -4.',
    ],
    [() => x.index(0, 0, 0), ArgumentError, 'index: expected at most 2 indices for float64[2,3], got 3.'],
    [() => x.index('...', '...'), ArgumentError, "index: expected '...' once, got it 2 times."],
    [() => x.index('1-2'), ArgumentError, "index: expected a range such as '1:-1:2' or '...', got \"1-2\"."],
    [() => x.index('::0'), ArgumentError, 'slice: expected a step other than 0, got 0.'],
    [() => slice(0.5), ArgumentError, 'slice: expected integers or null, got 0.5.'],
    [
      () => x.index(1.5),
      ArgumentError,
      'index: expected an integer, a slice, a range string, null or a tensor for axis 0, got 1.5.',
    ],
    [
      () => x.index(0, tensor([true, false])),
      ShapeError,
      'index: expected a mask of shape [3] for axis 1 of float64[2,3], got bool[2].',
    ],
    [
      () => x.index(tensor([0.5])),
      DtypeError,
      "index: expected integers or booleans to index axis 0, got float32[1]. Convert it first: index.to('int64').",
    ],
    [
      () => x.at(0).set(tensor([1, 2], { dtype: 'float64' })),
      ShapeError,
      'at.set: expected a value that broadcasts to float64[3], got float64[2].',
    ],
    [() => ops.arange(3).at(0).add(0.5), DtypeError, 'at.add: expected a value that fits int64, got 0.5.'],
    [
      () =>
        ops
          .arange(3)
          .at(0)
          .set(tensor([0.5])),
      DtypeError,
      "at.set: expected a value that fits int64, got float32[1]. Convert it first: value.to('int64').",
    ],
    [
      () => x.at(5).min(0),
      ArgumentError,
      'at.min: expected an index from -2 to 1 for axis 0 of size 2, got 5.',
    ],
  ];
  test.each(messages.map(([attempt, type, text]) => [text, type, attempt] as const))(
    '%s',
    (text, type, attempt) => {
      expect(attempt).toThrow(new type(text));
      expect(attempt).toThrow(type);
    },
  );

  test('a tensor that is gone', () => {
    const gone = counting([2]);
    gone.dispose();
    expect(() => gone.index(0)).toThrow(/^index: expected a live tensor/);
    expect(() => x.at(gone).set(0)).toThrow(/^at\.set: expected a live tensor/);
  });

  test('a tensor of positions out of range is an error, also for reductions over several axes', () => {
    const rows = positions([0, 2]);
    expect(() => x.index(rows)).toThrow(/index 2 is out of bounds/);
    expect(() => x.at(rows).set(1)).toThrow();
    expect(() => x.at(positions([0]), positions([3])).mul(2)).toThrow();
  });
});
