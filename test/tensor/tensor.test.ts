import { Complex } from '../../lib/base/complex';
import { dtypeInfo, dtypes } from '../../lib/base/dtype';
import '../../lib/autograd';
import '../../lib/ops';
import '../../lib/ops/convert';
import { ones, zeros } from '../../lib/ops/create';
import { fromBuffer, tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { codeOf, thrown } from '../support/thrown';

test('a tensor tells its shape, dtype, device and sizes', () => {
  const x = zeros([2, 3, 4], { dtype: 'float64' });
  expect([x.shape, x.ndim, x.size, x.dtype, x.device, x.nbytes]).toEqual([
    [2, 3, 4],
    3,
    24,
    'float64',
    'cpu',
    192,
  ]);
  const scalar = tensor(1);
  expect([scalar.shape, scalar.ndim, scalar.size, scalar.nbytes]).toEqual([[], 0, 1, 4]);
  const none = zeros([2, 0]);
  expect([none.size, none.nbytes]).toEqual([0, 0]);
  expect(Object.isFrozen(x.shape)).toBe(true);
});

test.each(dtypes)('%s: its name, the bytes of an element and what its elements read as', (dtype) => {
  const x = ones([2], { dtype });
  const { itemBytes, kind } = dtypeInfo(dtype);
  expect([x.dtype, x.nbytes]).toEqual([dtype, 2 * itemBytes]);
  expect(x.index(0).item()).toEqual(kind === 'bool' ? true : kind === 'complex' ? new Complex(1, 0) : 1);
});

describe('item', () => {
  test('reads the only element, whatever the number of axes', () => {
    expect(tensor([[[2.5]]]).item()).toBe(2.5);
    expect(tensor([true]).item()).toBe(true);
    expect(tensor(new Complex(1, -1), { dtype: 'complex128' }).item()).toEqual(new Complex(1, -1));
  });

  test('integers are numbers up to 2^53 and bigints beyond', () => {
    expect(tensor([2n ** 53n - 1n]).item()).toBe(2 ** 53 - 1);
    expect(tensor([2n ** 53n]).item()).toBe(2n ** 53n);
    expect(tensor([-(2n ** 63n)]).item()).toBe(-(2n ** 63n));
    expect(tensor([2n ** 64n - 1n], { dtype: 'uint64' }).item()).toBe(2n ** 64n - 1n);
    expect(tensor([5], { dtype: 'uint64' }).item()).toBe(5);
  });

  test('another number of elements is refused', () => {
    expect(thrown(() => tensor([1, 2]).item()).message).toBe(
      'item: expected a tensor with one element, got float32[2]',
    );
    expect(codeOf(() => zeros([0]).item())).toBe('ERR_SHAPE');
  });
});

describe('standing for a number', () => {
  test('in arithmetic, comparisons and template strings', () => {
    const x = tensor(2.5);
    expect(Number(x)).toBe(2.5);
    expect((x as unknown as number) * 2).toBe(5);
    expect((x as unknown as number) > 2).toBe(true);
    expect(`${x as unknown as number}`).toBe('2.5');
    expect(`${tensor([[7]]) as unknown as number}`).toBe('7');
    expect(`${tensor(new Complex(1, 2)) as unknown as number}`).toBe('1+2j');
    expect(Number(tensor([2n ** 60n]))).toBe(2 ** 60);
    expect(Number(tensor(true))).toBe(1);
  });

  test('not with more or fewer elements than one', () => {
    const error = thrown(() => Number(tensor([1, 2])));
    expect(error.code).toBe('ERR_SHAPE');
    expect(error.message).toContain('float32[2]');
    expect(error.message).toContain('toArray()');
    expect(codeOf(() => Number(zeros([0])))).toBe('ERR_SHAPE');
  });

  test('not inside a transform', () => {
    const branch = (x: Tensor): Tensor => ((x as unknown as number) > 0 ? x : x.neg());
    for (const run of [
      () => jit(branch)(tensor(1)),
      () => grad(branch)(tensor(1)),
      () => vmap(branch)(tensor([1])),
    ]) {
      const error = thrown(run);
      expect(error.code).toBe('ERR_CONCRETISATION');
      expect(error.message).toContain('where');
    }
  });
});

describe('iterating', () => {
  test('gives the tensors along the first axis', () => {
    const [a, b] = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect([a?.toArray(), b?.toArray()]).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(Array.from(tensor([1, 2, 3]), (x) => x.item())).toEqual([1, 2, 3]);
    expect([...zeros([0, 3])]).toEqual([]);
    expect([...zeros([2, 0])].map((x) => x.shape)).toEqual([[0], [0]]);
  });

  test('a tensor without axes has none', () => {
    expect(thrown(() => [...tensor(1)]).message).toBe(
      'Tensor: expected an axis to iterate over, got float32[]. Use item().',
    );
  });
});

test('a value stays the same whatever is computed from it', () => {
  const x = tensor([1, 2, 3]);
  x.add(1);
  x.at(0).set(9);
  x.relu();
  expect(x.toArray()).toEqual([1, 2, 3]);
});

describe('disposing', () => {
  test('releases once, and says so', () => {
    const x = tensor([1]);
    expect(x.isDisposed).toBe(false);
    x.dispose();
    x.dispose();
    expect(x.isDisposed).toBe(true);
  });

  test('every use afterwards is an error that names it', async () => {
    const x = tensor([1, 2]);
    const y = tensor([3, 4]);
    x.dispose();
    const uses: [string, () => unknown][] = [
      ['shape', () => x.shape],
      ['dtype', () => x.dtype],
      ['device', () => x.device],
      ['item', () => x.item()],
      ['toArray', () => x.toArray()],
      ['toTypedArray', () => x.toTypedArray()],
      ['add', () => x.add(1)],
      ['add', () => y.add(x)],
      ['to', () => x.to('float64')],
      ['requiresGrad', () => x.requiresGrad],
    ];
    for (const [op, use] of uses) {
      const error = thrown(use);
      expect([error.code, error.op]).toEqual(['ERR_DISPOSED', op]);
      expect(error.message).toBe(`${op}: expected a live tensor, got one that is gone: it was disposed.`);
    }
    await expect(x.data()).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    expect(y.add(1).toArray()).toEqual([4, 5]);
  });

  test('what was asked before is still known', () => {
    const x = zeros([2, 3]);
    expect([x.shape, x.dtype]).toEqual([[2, 3], 'float32']);
    x.dispose();
    expect([x.shape, x.dtype]).toEqual([[2, 3], 'float32']);
  });

  test('a view outlives what it is a view of', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const row = x.index(1);
    x.dispose();
    expect(row.toArray()).toEqual([3, 4]);
  });

  test('using does it at the end of a block', () => {
    let kept: Tensor;
    {
      using x = tensor([1]);
      kept = x;
      expect(x.add(1).item()).toBe(2);
    }
    expect(kept.isDisposed).toBe(true);
    expect(tensor(1)[Symbol.dispose]).toBeInstanceOf(Function);
  });

  test('a buffer is given back', () => {
    const bytes = new Float32Array(4);
    for (let i = 0; i < 100; i++) fromBuffer(bytes, [4], 'float32').dispose();
    expect(fromBuffer(bytes, [4], 'float32').toArray()).toEqual([0, 0, 0, 0]);
  });
});
