import { ArgumentError } from '../../lib/base/errors';
import { applyUpdates, Module, treeEqual } from '../../lib/module';
import { isArray } from '../../lib/filter';
import { full } from '../../lib/ops';
import { map } from '../../lib/tree';
import type { Tensor } from '../../lib/tensor/tensor';

const float = (value: number): Tensor => full([2], value, { dtype: 'float32' });

class Net extends Module {
  readonly weight: Tensor;
  readonly act: (x: number) => number;

  constructor(weight: number) {
    super();
    this.weight = float(weight);
    this.act = Math.abs;
  }
}

describe('applyUpdates', () => {
  test('adds where there is an update, and keeps the rest as it is', () => {
    // equinox/tests/test_update.py: [o, [5], [2]] and [None, -1, 1]-shaped updates give [o, [4], [3]]
    const object = new Date();
    expect(applyUpdates([object, [5], [2]], [null, [-1], [1]])).toEqual([object, [4], [3]]);
  });

  test('adds tensors', () => {
    const next = applyUpdates({ a: float(1), b: 2 }, { a: float(0.5), b: 1 });
    expect(treeEqual(next, { a: float(1.5), b: 3 })).toBe(true);
  });

  test('keeps the class of a model and what has no gradient', () => {
    const model = new Net(1);
    const updates = map((x: unknown) => (isArray(x) ? float(1) : null), model);
    const next = applyUpdates(model, updates);
    expect(next).toBeInstanceOf(Net);
    expect(next.act).toBe(Math.abs);
    expect(treeEqual(next.weight, float(2))).toBe(true);
  });

  test('keeps a whole subtree, the same object, for null', () => {
    const part = { deep: [1] };
    expect(applyUpdates([part, 1], [null, 1])[0]).toBe(part);
    expect(applyUpdates([part, 1], [undefined, 1])[0]).toBe(part);
  });

  test('refuses to add to anything else, naming the path', () => {
    expect(() => applyUpdates([1, { f: Math.abs }], [null, { f: 1 }])).toThrow(
      new ArgumentError(
        "applyUpdates: expected tensors or numbers to add, got a function at [1]['f']. " +
          'Use null as the update of what stays as it is.',
      ),
    );
    expect(() => applyUpdates(['a'], ['b'])).toThrow('got leaf of type string at [0].');
    expect(() => applyUpdates([[1]], [1])).toThrow('got array of 1 at [0].');
  });

  test('refuses updates of another structure', () => {
    expect(() => applyUpdates([1], [1, 2])).toThrow(
      /^applyUpdates: expected array of 2, got array of 1 at the root\./,
    );
  });
});
