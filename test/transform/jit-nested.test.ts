import '../../lib/autograd';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { counted } from '../support/counted';
import { numbers, waves } from '../support/numeric';

const x = tensor([1, 2, 3]);
const y = tensor([4, 5, 6]);

describe('compiled functions inside transforms', () => {
  const fn = (a: Tensor): Tensor => a.mul(a.sum()).tanh().sum();

  test('give the same inside grad, vmap and jit, wherever they run first', () => {
    const batch = waves([4, 3]);
    const one = waves([3]);
    const uses: readonly ((f: (a: Tensor) => Tensor) => readonly number[])[] = [
      (f) => numbers(f(one)),
      (f) => numbers(grad(f)(one)),
      (f) => numbers(vmap(f)(batch)),
      (f) => numbers(jit((a: Tensor) => f(a).mul(2))(one)),
      (f) => numbers(vmap(grad(f))(batch)),
      (f) => numbers(grad((a: Tensor) => grad(f)(a).square().sum())(one)),
      (f) => numbers(grad((a: Tensor) => vmap(f)(a).square().sum())(batch)),
      (f) => numbers(jit(vmap(grad(f)))(batch)),
    ];
    uses.forEach((first, i) => {
      const traced = counted(fn);
      const jitted = jit(traced);
      [first, ...uses].forEach((use, k) => {
        const expected = (k === 0 ? first : use)(fn);
        use(jitted).forEach((value, j) => {
          expect(value).toBeCloseTo(expected[j] ?? NaN, 12);
        });
      });
      expect([i, native().depth(), native().tracing()]).toEqual([i, 0, false]);
    });
  });

  test('keep a detached tensor apart from the one that it was', () => {
    const f = (a: Tensor): Tensor => a.detach().mul(3).add(a).mul(a).sum();
    const expected = grad(f)(x).toArray();
    expect(expected).toEqual([5, 10, 15]);
    expect(grad(jit(f))(x).toArray()).toEqual(expected);
    expect(jit(grad(f))(x).toArray()).toEqual(expected);
    expect(jit(grad(jit(f)))(x).toArray()).toEqual(expected);
  });

  test('trace once for all layers outside', () => {
    const traced = counted(fn);
    const jitted = jit(traced);
    vmap(grad(jitted))(waves([4, 3]));
    grad(jitted)(waves([3]));
    jitted(waves([3]));
    expect(traced.count).toBe(1);
  });

  test('take captured tensors of the levels outside as they are at each call', () => {
    const result = grad((a: Tensor) => jit((b: Tensor) => a.mul(b).sum())(tensor([2, 3, 4])))(x);
    expect(result.toArray()).toEqual([2, 3, 4]);
    const both = vmap((a: Tensor) => jit((b: Tensor) => a.mul(b))(tensor([1, 10])))(x);
    expect(both.toArray()).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    let outer = x;
    const jitted = jit((b: Tensor) => outer.mul(b).sum());
    const slope = (at: Tensor): number[] =>
      numbers(
        grad((a: Tensor) => {
          outer = a;
          return jitted(y).square();
        })(at),
      );
    expect(slope(x)).toEqual([256, 320, 384]);
    expect(slope(x.mul(2))).toEqual([512, 640, 768]);
    outer = x;
  });

  test("compile a gradient whether libtorch's own autograd was ever used or not", () => {
    // With a graph of its own, libtorch's backward pass of this product reads values.
    const rows = tensor([1, 0, 1], { dtype: 'int64' });
    const product = (a: Tensor): Tensor => a.at(rows).mul(a.index(rows)).sum();
    tensor([1]).requiresGrad_();
    expect(numbers(jit(grad(product))(x))).toEqual(numbers(grad(product)(x)));
  });

  test('need no values that a batch cannot give: inverses traced inside vmap and grad', () => {
    const matrices = ops.eye(2, { dtype: 'float64' }).mul(waves([3, 1, 1]).add(2));
    const inverse = (a: Tensor): Tensor => ops.linalgInv(a);
    expect(numbers(vmap(jit(inverse))(matrices))).toEqual(numbers(ops.linalgInv(matrices)));
    const slope = grad(jit((a: Tensor) => inverse(a).sum()))(ops.eye(2, { dtype: 'float64' }).mul(2));
    expect(slope.toArray()).toEqual([
      [-0.25, -0.25],
      [-0.25, -0.25],
    ]);
  });

  test('reshape batched tensors of any memory order', () => {
    const f = (a: Tensor): Tensor => a.reshape([6]).mul(2).reshape([3, 2]).t().reshape([-1]);
    const g = (a: Tensor): Tensor => a.exp().t().contiguous().view([2, 3]).sum(0);
    const x5 = waves([2, 3, 5]);
    for (const h of [
      f,
      g,
      grad((a: Tensor) => f(a).square().sum()),
      grad((a: Tensor) => g(a).square().sum()),
    ]) {
      for (const axis of [0, 1, 2]) {
        const batch = x5.movedim(2, axis);
        const jitted = jit(h);
        jitted(waves([2, 3]));
        const each = x5.unbind(2).map((one) => h(one));
        expect(numbers(vmap(jitted, { inAxes: axis })(batch))).toEqual(numbers(ops.stack(each)));
        expect(numbers(vmap(jit(jitted), { inAxes: axis })(batch))).toEqual(numbers(ops.stack(each)));
      }
    }
  });

  test('compile nothing of their own inside another trace', () => {
    const inner = counted((a: Tensor) => a.mul(2));
    const jittedInner = jit(inner);
    const outer = jit((a: Tensor) => jittedInner(jittedInner(a)));
    expect(outer(x).toArray()).toEqual([4, 8, 12]);
    outer(y);
    expect(inner.count).toBe(2);
    expect(jit(jit(jit(inner)))(x).toArray()).toEqual([2, 4, 6]);
    expect(inner.count).toBe(3);
  });
});
