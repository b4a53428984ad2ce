import '../../lib/autograd';
import { ArgumentError } from '../../lib/base/errors';
import * as ops from '../../lib/ops';
import { fromBuffer, tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { clearCaches, filterJit, grad, jit, vmap } from '../../lib/transform';
import { counted } from '../support/counted';
import { distance, expectNothingLeft, numbers, thrown, waves } from '../support/numeric';

const x = tensor([1, 2, 3]);
const y = tensor([4, 5, 6]);

describe('jit', () => {
  test('gives what the function gives', () => {
    const fn = (a: Tensor, b: Tensor) => ({ sum: a.add(b), list: [a.mul(b).sum(), a.exp()] });
    expect(numbers(jit(fn)(x, y))).toEqual(numbers(fn(x, y)));
    expect(jit(fn)(x, y).list[0]?.shape).toEqual([]);
  });

  test('runs the function once for each shape, dtype and structure', () => {
    const fn = counted((tree: { readonly a: Tensor; readonly b?: Tensor }) => tree.a.mul(2));
    const jitted = jit(fn);
    const counts = [
      { a: x },
      { a: y },
      { a: ops.zeros([4]) },
      { a: ops.zeros([3, 1]) },
      { a: x.to('float64') },
      { a: x, b: y },
      { a: x },
      { a: ops.zeros([4]) },
    ].map((tree) => {
      jitted(tree);
      return fn.count;
    });
    expect(counts).toEqual([1, 1, 2, 3, 4, 5, 5, 5]);
  });

  test('sees the values of later calls, not those of the first', () => {
    const jitted = jit((a: Tensor) => a.square());
    expect(jitted(x).toArray()).toEqual([1, 4, 9]);
    expect(jitted(y).toArray()).toEqual([16, 25, 36]);
  });

  test.each([
    ['a number', 3, '3'],
    ['a function', ops.relu, 'the function relu'],
    ['a string', 'text', '"text"'],
  ])('refuses %s that is not static', (_name, bad, text) => {
    const jitted = jit((a: Tensor, _options: unknown) => a);
    expect(thrown(() => jitted(x, { k: [bad] })).message).toContain(
      `jit: expected tensors in argument 1, got ${text}`,
    );
    expect(thrown(() => jitted(x, { k: [bad] })).message).toMatch(
      / at \['k'\]\[0\]\. Name it in `staticArgnums`, or use filterJit\.$/,
    );
  });

  test('takes static arguments, anew for each value', () => {
    for (const positions of [
      [1, 2],
      [-2, -1],
    ]) {
      const fn = counted((a: Tensor, k: number, options: { readonly act: (a: Tensor) => Tensor }) =>
        options.act(a.mul(k)),
      );
      const jitted = jit(fn, { staticArgnums: positions });
      expect(jitted(x, 2, { act: ops.neg }).toArray()).toEqual([-2, -4, -6]);
      expect(jitted(x, 3, { act: ops.neg }).toArray()).toEqual([-3, -6, -9]);
      expect(jitted(y, 2, { act: ops.neg }).toArray()).toEqual([-8, -10, -12]);
      expect(jitted(x, 2, { act: ops.abs }).toArray()).toEqual([2, 4, 6]);
      expect(fn.count).toBe(3);
    }
    expect(jit((k: number, a: Tensor) => a.mul(k), { staticArgnums: 0 })(2, x).toArray()).toEqual([2, 4, 6]);
  });

  test('tells NaN from numbers, 0 from -0 and true from 1 among static arguments', () => {
    const fn = counted((a: Tensor, k: number | boolean) => a.mul(k));
    const jitted = jit(fn, { staticArgnums: 1 });
    const counts = [NaN, NaN, 0, -0, 0, true, 1, true].map((k) => {
      jitted(x, k);
      return fn.count;
    });
    expect(counts).toEqual([1, 1, 2, 3, 3, 4, 5, 5]);
  });

  test('returns static results as they were when it traced', () => {
    const marker = { name: 'marker' };
    class Opaque {
      readonly value = 1;
    }
    const opaque = new Opaque();
    const jitted = filterJit((a: Tensor, k: number) => ({
      a: a.mul(k),
      k,
      opaque,
      fn: ops.relu,
      text: 'hi',
      marker,
    }));
    for (let call = 0; call < 2; call++) {
      const result = jitted(x, 2);
      expect(result.a.toArray()).toEqual([2, 4, 6]);
      expect([result.k, result.text]).toEqual([2, 'hi']);
      expect(result.opaque).toBe(opaque);
      expect(result.fn).toBe(ops.relu);
      expect(result.marker).toEqual(marker);
    }
  });

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['an empty tree', { a: [], b: {} }],
    ['a number', 7],
  ])('returns %s', (_name, value) => {
    const jitted = jit((_a: Tensor) => value);
    expect([jitted(x), jitted(x)]).toEqual([value, value]);
    expect(filterJit(() => value)()).toEqual(value);
  });

  test('takes the same tensor twice, and returns arguments and results twice', () => {
    const jitted = jit((a: Tensor, b: Tensor) => {
      const sum = a.add(b);
      return [a, b, a, sum, sum] as const;
    });
    expect(jitted(x, x).map((one) => one.toArray())).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
      [2, 4, 6],
      [2, 4, 6],
    ]);
    // The program that was traced with one tensor twice does not take them for one.
    expect(jitted(x, y).map((one) => one.toArray())).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [1, 2, 3],
      [5, 7, 9],
      [5, 7, 9],
    ]);
  });

  test('makes results that live on their own', () => {
    const jitted = jit((a: Tensor) => [a, a, a.mul(1)] as const);
    const argument = tensor([1, 2]);
    const [first, second, third] = jitted(argument);
    argument.dispose();
    first.dispose();
    expect(second.toArray()).toEqual([1, 2]);
    expect(third.toArray()).toEqual([1, 2]);
  });

  test('keeps captured tensors as constants, disposed or not', () => {
    const captured = tensor([10, 20, 30]);
    const jitted = jit((a: Tensor) => [a.add(captured), captured] as const);
    expect(jitted(x)[0].toArray()).toEqual([11, 22, 33]);
    captured.dispose();
    const [sum, constant] = jitted(y);
    expect(sum.toArray()).toEqual([14, 25, 36]);
    expect(constant.toArray()).toEqual([10, 20, 30]);
  });

  test('does not let one caller change the constant that another gets', () => {
    const captured = tensor([10, 20, 30]);
    const jitted = jit((_a: Tensor) => captured);
    jitted(x).requiresGrad_();
    expect(jitted(x).requiresGrad).toBe(false);
    expect(captured.requiresGrad).toBe(false);
  });

  test('computes what depends on constants alone, and lets it be read', () => {
    const captured = tensor([2, 5]);
    const jitted = jit((a: Tensor) => a.mul(Number(captured.sum())).add(Number(ops.ones([1]).mul(3))));
    expect(jitted(x).toArray()).toEqual([10, 17, 24]);
    expect(jit(() => ops.arange(3))().toArray()).toEqual([0, 1, 2]);
  });

  test('refuses what is no function', () => {
    expect(thrown(() => jit(3 as never)).message).toBe('jit: expected a function or a module, got 3.');
    expect(() => filterJit(null as never)).toThrow(ArgumentError);
  });

  test.each([
    ['transposed', (): Tensor => waves([3, 2]).t()],
    ['expanded', (): Tensor => waves([1, 3]).expand([2, 3])],
    ['sliced', (): Tensor => waves([4, 5]).index('::2', '1:4')],
    ['flipped', (): Tensor => waves([2, 3]).flip([0, 1])],
    ['contiguous', (): Tensor => waves([2, 3])],
  ])('runs on %s tensors, whatever it was traced with', (_name, make) => {
    const fn = (a: Tensor): Tensor => a.reshape([3, 2]).t().reshape([-1]).unfold(0, 2, 1).mul(a.sum());
    for (const first of [waves([2, 3]), waves([3, 2]).t(), waves([1, 3]).expand([2, 3])]) {
      const jitted = jit(fn);
      const slopes = jit(grad((a: Tensor) => fn(a).square().sum()));
      jitted(first);
      slopes(first);
      // Sums over another memory order round differently.
      const slope = grad((a: Tensor) => fn(a).square().sum());
      expect(distance(numbers(jitted(make())), numbers(fn(make())))).toBeLessThan(1e-14);
      expect(distance(numbers(slopes(make())), numbers(slope(make())))).toBeLessThan(1e-14);
    }
  });

  test('runs on tensors without elements, integers, bools and memory of JavaScript', () => {
    const empty = jit((a: Tensor) => [a.sum(), a.reshape([0, 2]), ops.cat([a, a])] as const)(
      ops.zeros([2, 0]),
    );
    expect(empty.map((one) => one.shape)).toEqual([[], [0, 2], [4, 0]]);
    const ints = jit((a: Tensor, b: Tensor) => [a.add(1), b.logicalNot(), a.mul(2.5)] as const)(
      tensor([1, 2], { dtype: 'int32' }),
      tensor([true, false]),
    );
    expect(ints.map((one) => [one.dtype, one.toArray()])).toEqual([
      ['int32', [2, 3]],
      ['bool', [false, true]],
      ['float32', [2.5, 5]],
    ]);
    expect(
      jit((a: Tensor) => a.mul(2))(fromBuffer(new Float32Array([1, 2]), [2], 'float32')).toArray(),
    ).toEqual([2, 4]);
  });

  test('promotes scalars and numbers as without it', () => {
    const fn = (a: Tensor, b: Tensor) => [
      a.sum().mul(2.5),
      a.maximum(1),
      ops.where(a.gt(1), a, 0.5),
      b.add(a.sum()),
      a.pow(2),
    ];
    for (const dtype of ['int32', 'float16', 'bfloat16', 'float64', 'uint8'] as const) {
      const eager = fn(x.to(dtype), x);
      const jitted = jit(fn)(x.to(dtype), x);
      expect(jitted.map((one) => one.dtype)).toEqual(eager.map((one) => one.dtype));
      expect(numbers(jitted)).toEqual(numbers(eager));
    }
  });

  test('keeps the checks of operators that raise, although they have no result', () => {
    const inverse = jit((a: Tensor) => ops.linalgInv(a));
    const good = ops.eye(2);
    expect(inverse(good).toArray()).toEqual(good.toArray());
    const singular = /^jit: linalg\.inv: The diagonal element 1 is zero/;
    expect(() => inverse(ops.zeros([2, 2]))).toThrow(singular);
    expect(() => jit((a: Tensor) => inverse(a.mul(2)).sum())(ops.zeros([2, 2]))).toThrow(/singular/);
    expect(jit((a: Tensor) => [ops.linalgCholesky(a), ops.linalgSolve(a, a)])(good).map(numbers)).toEqual([
      [1, 0, 0, 1],
      [1, 0, 0, 1],
    ]);
    expect(vmap(inverse)(ops.stack([good, good])).shape).toEqual([2, 2, 2]);
  });

  test('keeps operations that change nothing but the dtype or the sign of zero', () => {
    const fn = (a: Tensor) => [
      a.gt(1).add(0),
      a.gt(1).mul(1),
      a.gt(1).add(tensor(0, { dtype: 'int8' })),
      a.relu().add(0),
      a.mul(0).mul(-0).reciprocal(),
      a.mul(0).add(-0).reciprocal(),
    ];
    const signs = tensor([-1, -0, 0, 2]);
    expect(jit(fn)(signs).map((one) => one.dtype)).toEqual(fn(signs).map((one) => one.dtype));
    expect(numbers(jit(fn)(signs))).toEqual(numbers(fn(signs)));
  });

  test('tells numbers from tensors of the same value, which promote, and 0 from -0 among captured tensors', () => {
    const [wide, zero, negative] = [tensor(2.5, { dtype: 'float64' }), tensor([0]), tensor([-0])];
    const fn = (a: Tensor) => [
      a.sum().mul(a.to('float64').sum().mul(wide).to('float32')).maximum(2.5),
      a.add(1).div(zero),
      a.add(1).div(negative),
    ];
    expect(jit(fn)(x).map((one) => one.dtype)).toEqual(['float32', 'float32', 'float32']);
    expect(numbers(jit(fn)(x))).toEqual(numbers(fn(x)));
  });

  test('lets NaN and infinity through', () => {
    const fn = (a: Tensor): Tensor => a.sqrt().mul(0).add(a.div(0));
    const odd = tensor([NaN, -1, Infinity, 4]);
    expect(jit(fn)(odd).toArray()).toEqual(fn(odd).toArray());
  });

  test('takes 500 tensors', () => {
    const many = Array.from({ length: 500 }, (_, i) => tensor([i]));
    const fn = counted((list: readonly Tensor[]) => list.map((one, i) => one.mul(i)));
    const jitted = jit(fn);
    jitted(many);
    expect(numbers(jitted(many))).toEqual(many.map((_, i) => i * i));
    expect(fn.count).toBe(1);
  });
});

test('a cached call leaves nothing but its results', () => {
  const jitted = jit((a: Tensor, b: Tensor) => grad((c: Tensor) => c.mul(b).tanh().sum())(a));
  jitted(x, y).dispose();
  expectNothingLeft(() => {
    for (let i = 0; i < 1000; i++) jitted(x, y).dispose();
  });
});

test('a failing trace leaves nothing, and the next one is made', () => {
  let fails = true;
  const jitted = jit((a: Tensor) => {
    const b = a.mul(2);
    if (fails) throw new RangeError('not yet');
    return b;
  });
  expectNothingLeft(() => {
    expect(() => jitted(x)).toThrow(new RangeError('not yet'));
    expect(() => grad((a: Tensor) => jitted(a).sum())(x)).toThrow(new RangeError('not yet'));
    expect(() => vmap(jitted)(ops.ones([2, 3]))).toThrow(new RangeError('not yet'));
  });
  fails = false;
  expect(jitted(x).toArray()).toEqual([2, 4, 6]);
});

describe('clearCache and clearCaches', () => {
  test('forget the programs of one function, or of all', () => {
    const one = counted((a: Tensor) => a.mul(2));
    const other = counted((a: Tensor) => a.mul(3));
    const [first, second] = [jit(one), jit(other)];
    const both = (): number[] => {
      first(x);
      second(x);
      return [one.count, other.count];
    };
    expect(both()).toEqual([1, 1]);
    first.clearCache();
    expect(both()).toEqual([2, 1]);
    clearCaches();
    expect(both()).toEqual([3, 2]);
    expect(both()).toEqual([3, 2]);
  });
});
