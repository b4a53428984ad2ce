import { scan } from '../../lib/control';
import * as nn from '../../lib/nn';
import * as ops from '../../lib/ops';
import { key } from '../../lib/random';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  closureConvert,
  errorIf,
  filterClosureConvert,
  filterGrad,
  filterJit,
  filterVmap,
  grad,
  jit,
  jvp,
  vmap,
} from '../../lib/transform';
import { leaves } from '../../lib/tree';
import { expectNothingLeft, thrown } from '../support/numeric';

const x = tensor([1, 2, 3]);
const w = tensor([4, 5, 6]);

describe('filterClosureConvert', () => {
  test('is a node whose children are the captured tensors', () => {
    const f = filterClosureConvert((a: Tensor) => [a.mul(w), 'text'] as const, x);
    expect(leaves(f)[0]).toBe(w);
    expect(leaves(f).length).toBe(1);
    const [y, text] = f(x);
    expect([y.toArray(), text]).toEqual([[4, 10, 18], 'text']);
    expect(f(w)[0].toArray()).toEqual([16, 25, 36]);
  });

  test('is differentiated, mapped and compiled by what it captured', () => {
    const f = filterClosureConvert((a: Tensor) => a.mul(w).square(), x);
    const grads = filterGrad((g: typeof f) => g(x).sum())(f);
    expect((leaves(grads)[0] as Tensor).toArray()).toEqual([8, 40, 108]);
    expect(filterJit((g: typeof f, a: Tensor) => g(a))(f, x).toArray()).toEqual([16, 100, 324]);
    const again = filterJit((g: typeof f, a: Tensor) => filterGrad((h: typeof f) => h(a).sum())(g))(f, x);
    expect((leaves(again)[0] as Tensor).toArray()).toEqual([8, 40, 108]);
    expect(
      filterVmap((g: typeof f, a: Tensor) => g(a), { inAxes: [null, 0] })(f, ops.stack([x, w])).shape,
    ).toEqual([2, 3]);
  });

  test('captures what belongs to transforms outside', () => {
    const through = (a: Tensor): Tensor => filterClosureConvert((b: Tensor) => a.mul(b).mul(a), w)(w).sum();
    expect(grad(through)(x).toArray()).toEqual([8, 20, 36]);
    expect(jit(grad(through))(x).toArray()).toEqual([8, 20, 36]);
    expect(grad(jit(through))(x).toArray()).toEqual([8, 20, 36]);
    expect(jvp(through, [x], [x])[1].item()).toBe(2 * (4 + 20 + 54));
    expect(vmap((a: Tensor) => filterClosureConvert((b: Tensor) => a.mul(b), w)(w))(x).toArray()).toEqual([
      [4, 5, 6],
      [8, 10, 12],
      [12, 15, 18],
    ]);
  });

  test('converts modules, control flow and checks', () => {
    const linear = new nn.Linear(3, 2, { key: key(0) });
    const f = filterClosureConvert(linear, x);
    expect([linear.weight, linear.bias].map((leaf, i) => leaves(f)[i] === leaf)).toEqual([true, true]);
    expect(ops.allclose(f(w), linear.forward(w))).toBe(true);
    const looped = filterClosureConvert(
      (a: Tensor) => scan((c: Tensor, b: Tensor) => [c.add(b.mul(w)), null], w, a)[0],
      x,
    );
    expect(looped(x).toArray()).toEqual([28, 35, 42]);
    expect(
      ops.allclose(grad((a: Tensor) => looped(a).sum())(x), ops.full([3], 15, { dtype: 'float32' })),
    ).toBe(true);
    const checked = filterClosureConvert((a: Tensor) => errorIf(a, a.gt(w).any(), 'too large'), x);
    expect(checked(x).toArray()).toEqual([1, 2, 3]);
    expect(thrown(() => checked(x.mul(9))).message).toContain('too large');
  });

  test('runs the function once, and leaves nothing behind', () => {
    let count = 0;
    const f = filterClosureConvert((a: Tensor) => {
      count++;
      return a.add(w);
    }, x);
    f(x);
    f(w);
    expect(count).toBe(1);
    expectNothingLeft(() => {
      filterClosureConvert((a: Tensor) => a.mul(w), x)(w);
      expect(() =>
        filterClosureConvert((a: Tensor): Tensor => {
          a.mul(w);
          throw new RangeError();
        }, x),
      ).toThrow(RangeError);
    });
  });

  test.each<readonly [string, unknown[], string]>([
    [
      'another shape',
      [ops.ones([4]), 2],
      'expected float32[3] at [0], as the function was converted for, got float32[4]',
    ],
    ['another dtype', [x.to('float64'), 2], 'got float64[3]'],
    ['another static value', [x, 3], 'expected 2 at [1], as the function was converted for, got 3'],
    ['another structure', [[x], 2], 'of the structure that the function was converted for'],
    ['another number of arguments', [x], 'of the structure that the function was converted for'],
  ])('refuses %s', (_name, args, text) => {
    const f = filterClosureConvert((a: Tensor, n: number) => a.mul(n), x, 2) as (
      ...all: unknown[]
    ) => unknown;
    const error = thrown(() => f(...args));
    expect(error).toMatchObject({ code: 'ERR_TRANSFORM' });
    expect(error.message).toContain(text);
  });

  test('refuses reads, Promises, and what is no function', () => {
    expect(thrown(() => filterClosureConvert((a: Tensor) => a.item(), x))).toMatchObject({
      code: 'ERR_CONCRETISATION',
    });
    expect(thrown(() => filterClosureConvert(async (a: Tensor) => Promise.resolve(a), x)).message).toContain(
      'Promise',
    );
    expect(thrown(() => filterClosureConvert(3 as never))).toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});

describe('closureConvert', () => {
  test('gives the captured tensors apart', () => {
    const [f, consts] = closureConvert((a: Tensor) => a.mul(w), x);
    expect(consts[0]).toBe(w);
    expect(f(x, ...consts).toArray()).toEqual([4, 10, 18]);
    expect(f(x, x).toArray()).toEqual([1, 4, 9]);
    const slope = grad((c: Tensor) => f(x, c).sum())(w);
    expect(slope.toArray()).toEqual([1, 2, 3]);
    expect(thrown(() => f(x)).message).toContain('expected 1 argument(s) and 1 tensor(s) of the closure');
  });
});
