import fc from 'fast-check';
import { ArgumentError, ShapeError, TreeError } from '../../lib/base/errors';
import { batches } from '../../lib/data/batches';
import * as random from '../../lib/random';
import { zeros } from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import { memory } from '../../lib/tensor/memory';
import { Tensor } from '../../lib/tensor/tensor';
import { tidy } from '../../lib/tensor/tidy';

const rows = (count: number) => tensor(Array.from({ length: count }, (_, i) => [i, 10 * i]));
const labels = (count: number) =>
  tensor(
    Array.from({ length: count }, (_, i) => i),
    { dtype: 'int64' },
  );
const values = (x: Tensor) => x.toArray();

describe('batches', () => {
  test('without a key, rows come in order, the last batch smaller', () => {
    const found = [...batches({ x: rows(5), y: labels(5) }, { batchSize: 2 })];
    expect(found.map(({ x }) => values(x))).toEqual([
      [
        [0, 0],
        [1, 10],
      ],
      [
        [2, 20],
        [3, 30],
      ],
      [[4, 40]],
    ]);
    expect(found.map(({ y }) => values(y))).toEqual([[0, 1], [2, 3], [4]]);
  });

  test('dropLast leaves the short batch out', () => {
    const all = batches(labels(5), { batchSize: 2, dropLast: true });
    expect([...all].map(values)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(all).toHaveLength(2);
  });

  test('with a key, rows are in the order of random.permutation', () => {
    const key = random.key(7);
    const order = random.permutation(key, 10).toArray();
    const found = [...batches({ x: rows(10), y: labels(10) }, { batchSize: 4, key })];
    expect(found.flatMap(({ y }) => values(y))).toEqual(order);
    for (const { x, y } of found) {
      expect(values(x.select(1, 0))).toEqual(values(y));
      expect(values(x.select(1, 1))).toEqual((values(y) as number[]).map((i) => 10 * i));
    }
  });

  test('iterating again gives the same batches; another key gives others', () => {
    const one = batches(labels(50), { batchSize: 8, key: random.key(0) });
    const two = batches(labels(50), { batchSize: 8, key: random.key(1) });
    expect([...one].map(values)).toEqual([...one].map(values));
    expect([...one].map(values)).not.toEqual([...two].map(values));
  });

  test('every row comes exactly once, `skip` leaves out the first batches, and `length` counts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 6 }),
        fc.boolean(),
        fc.boolean(),
        (count, batchSize, skip, dropLast, shuffled) => {
          const key = shuffled ? random.key(count) : undefined;
          const whole = [...batches(labels(count), { batchSize, dropLast, key })].map(values) as number[][];
          const rest = batches(labels(count), { batchSize, dropLast, key, skip });
          expect([...rest].map(values)).toEqual(whole.slice(skip));
          expect(rest).toHaveLength(Math.max(0, whole.length - skip));
          const seen = whole.flat();
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen).toHaveLength(dropLast ? count - (count % batchSize) : count);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('what is no tensor is the same in every batch, and the structure stays', () => {
    const act = () => 1;
    const tree = { act, list: [labels(3), null], name: 'x', scale: 2 };
    for (const batch of batches(tree, { batchSize: 2 })) {
      expect(batch.act).toBe(act);
      expect([batch.name, batch.scale, batch.list[1]]).toEqual(['x', 2, null]);
      expect(batch.list[0]).toBeInstanceOf(Tensor);
    }
  });

  test('the order survives a scope that was open at the first batch', () => {
    const iterator = batches(labels(4), { batchSize: 2, key: random.key(0) })[Symbol.iterator]();
    const first = tidy(() => values(iterator.next().value as Tensor)) as number[];
    const second = values(iterator.next().value as Tensor) as number[];
    expect([...first, ...second].sort()).toEqual([0, 1, 2, 3]);
  });

  test('batches that are no longer used are released without any scope', () => {
    const all = batches(zeros([1024, 1024]), { batchSize: 256, key: random.key(0) });
    const before = memory().bytes;
    for (let epoch = 0; epoch < 200; epoch++) for (const batch of all) expect(batch.shape[0]).toBe(256);
    // 800 batches of one MiB were made.
    expect(memory().bytes - before).toBeLessThan(300 * 2 ** 20);
  });

  test.each([0, -1, 1.5, NaN, Infinity, '2' as never])('batchSize %p is an error', (batchSize) => {
    expect(() => batches(labels(3), { batchSize })).toThrow(ArgumentError);
    expect(() => batches(labels(3), { batchSize })).toThrow(
      `batches: expected batchSize to be an integer from 1 on, got ${String(batchSize)}.`,
    );
  });

  test('a bad skip is an error', () => {
    expect(() => batches(labels(3), { batchSize: 1, skip: -1 })).toThrow(
      'batches: expected skip to be an integer from 0 on, got -1.',
    );
  });

  test('first axes of different lengths: both paths', () => {
    const make = () => batches({ images: rows(5), labels: [labels(4)] }, { batchSize: 2 });
    expect(make).toThrow(ShapeError);
    expect(make).toThrow(
      "batches: expected first axes of one length, got 5 at ['images'] and 4 at ['labels'][0].",
    );
  });

  test('a scalar, a typed array, and no tensor at all', () => {
    expect(() => batches([labels(2), tensor(1)], { batchSize: 1 })).toThrow(
      new ShapeError('batches: expected tensors with a first axis, got float32[] at [1].'),
    );
    expect(() => batches({ x: new Float32Array(2) }, { batchSize: 1 })).toThrow(
      new ArgumentError(
        "batches: expected tensors, got a Float32Array at ['x']. Make it a tensor with `tensor`.",
      ),
    );
    expect(() => batches([1, null], { batchSize: 1 })).toThrow(
      new TreeError('batches: expected a tree with tensors, got none.'),
    );
  });
});
