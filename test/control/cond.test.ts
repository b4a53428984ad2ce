import { cond } from '../../lib/control';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { counted } from '../support/counted';
import { distance, expectNothingLeft, numbers, thrown, waves } from '../support/numeric';

const root = (x: Tensor): Tensor =>
  cond(
    x.sum().gt(0),
    (y: Tensor) => y.sqrt(),
    (y: Tensor) => y.square(),
    x,
  );

describe('cond', () => {
  const up = tensor([4, 9], { dtype: 'float64' });
  const down = tensor([-2, -3], { dtype: 'float64' });

  test('applies one of two functions, alone and compiled, with one trace for both outcomes', () => {
    const traced = counted(root);
    for (const f of [root, jit(traced)]) {
      expect([numbers(f(up)), numbers(f(down))]).toEqual([
        [2, 3],
        [4, 9],
      ]);
    }
    expect(traced.count).toBe(1);
    const text = jit(root).lower(up).graph;
    expect(text).toContain('prim::If');
  });

  test('takes booleans and numbers as predicates', () => {
    const pick = (p: boolean | number | Tensor): unknown =>
      cond(
        p,
        () => 1 as unknown as Tensor,
        () => tensor(2),
      ).item();
    expect([true, false, 3, 0, tensor(-1), tensor(0)].map(pick)).toEqual([1, 2, 1, 2, 1, 2]);
  });

  test('has the gradient of the branch that is taken', () => {
    const f = (x: Tensor): Tensor => root(x).sum();
    for (const g of [grad(f), jit(grad(f)), grad(jit(f))]) {
      expect(numbers(g(up))).toEqual([0.25, 1 / 6]);
      expect(numbers(g(down))).toEqual([-4, -6]);
    }
  });

  test('gives gradients of what the branches capture', () => {
    const f = (w: Tensor, x: Tensor): Tensor =>
      cond(
        x.sum().gt(0),
        () => w.mul(3).sum(),
        (y: Tensor) => y.mul(w).sum(),
        x,
      );
    for (const g of [grad(f), jit(grad(f))]) {
      expect(numbers(g(up, up))).toEqual([3, 3]);
      expect(numbers(g(up, down))).toEqual([-2, -3]);
    }
  });

  test('chooses for each element under vmap, and no gradient sees the other branch', () => {
    // The square root of a negative number is NaN, and so is its gradient.
    const f = (x: Tensor): Tensor =>
      cond(
        x.gt(0),
        (y: Tensor) => y.sqrt(),
        (y: Tensor) => y.square(),
        x,
      );
    const xs = tensor([4, -3, 9, -1], { dtype: 'float64' });
    const slopes = [0.25, -6, 1 / 6, -2];
    for (const g of [vmap(f), jit(vmap(f)), vmap(jit(f))]) expect(numbers(g(xs))).toEqual([2, 9, 3, 1]);
    const sum = (x: Tensor): Tensor => vmap(f)(x).sum();
    for (const g of [vmap(grad(f)), jit(vmap(grad(f))), grad(sum), jit(grad(sum)), vmap(jit(grad(f)))]) {
      expect(distance(numbers(g(xs)), slopes)).toBeLessThan(1e-15);
    }
    const both = vmap(vmap(grad(f)))(xs.reshape([2, 2]));
    expect(distance(numbers(both), slopes)).toBeLessThan(1e-15);
    const second = grad((x: Tensor) => grad(sum)(x).sum())(xs);
    expect(distance(numbers(second), [-1 / 32, 2, -1 / 108, 2])).toBeLessThan(1e-15);
  });

  test('maps operands with one predicate for all', () => {
    const f = (p: Tensor, x: Tensor): Tensor =>
      cond(
        p,
        (y: Tensor) => y.sum(),
        (y: Tensor) => y.prod(),
        x,
      );
    const rows = waves([3, 4]);
    const mapped = vmap(f, { inAxes: [null, 0] });
    expect(distance(numbers(mapped(tensor(true), rows)), numbers(rows.sum(1)))).toBeLessThan(1e-15);
    expect(distance(numbers(jit(mapped)(tensor(false), rows)), numbers(rows.prod(1)))).toBeLessThan(1e-15);
  });

  test('nests, and takes trees with leaves that are no tensors', () => {
    const f = (x: Tensor): { v: Tensor; tag: string } =>
      cond(
        x.gt(0),
        (y: Tensor) => ({
          v: cond(
            y.gt(10),
            (z: Tensor) => z.mul(100),
            (z: Tensor) => z.mul(10),
            y,
          ),
          tag: 'same',
        }),
        (y: Tensor) => ({ v: y, tag: 'same' }),
        x,
      );
    for (const run of [f, jit(f)]) {
      expect([20, 2, -2].map((x) => run(tensor(x)).v.item())).toEqual([2000, 20, -2]);
    }
    expect(f(tensor(1)).tag).toBe('same');
  });

  test('leaves nothing behind', () => {
    expectNothingLeft(() => {
      root(up);
      grad((x: Tensor) => root(x).sum())(up);
      thrown(() =>
        cond(
          true,
          () => up.sum(),
          () => up,
        ),
      );
    });
  });

  test.each([undefined, null, 'yes', {}])('refuses %p as a predicate', (pred) => {
    expect(() =>
      cond(
        pred as never,
        () => 1,
        () => 2,
      ),
    ).toThrow('cond: expected the predicate to be a tensor, a boolean or a number, got ');
  });

  test('refuses branches that disagree, predicates with axes, values read', () => {
    const error = (body: () => unknown): string => {
      const found = thrown(body) as Error & { code?: string };
      return `${found.code} ${found.message}`;
    };
    const x = tensor([1, 2]);
    expect(
      error(() =>
        cond(
          true,
          () => ({ a: x }),
          () => ({ a: x.sum() }),
        ),
      ),
    ).toMatch(/^ERR_TRANSFORM cond: .*branch 1.*float32\[2\], got float32\[\] at .*a/);
    expect(
      error(() =>
        cond(
          true,
          () => x,
          () => x.to('int64'),
        ),
      ),
    ).toMatch(/^ERR_TRANSFORM .*int64\[2\]/);
    expect(
      error(() =>
        cond(
          true,
          () => x,
          () => [x] as never,
        ),
      ),
    ).toMatch(/^ERR_/);
    expect(
      error(() =>
        cond(
          x,
          () => x,
          () => x,
        ),
      ),
    ).toMatch(/^ERR_SHAPE cond: .*float32\[2\]/);
    expect(
      error(() =>
        cond(
          true,
          (y: Tensor) => y.mul(Number(y.sum())),
          (y: Tensor) => y,
          x,
        ),
      ),
    ).toMatch(/^ERR_CONCRETISATION/);
    expect(error(() => cond(true, 3 as never, () => x))).toMatch(/^ERR_ARGUMENT/);
  });
});
