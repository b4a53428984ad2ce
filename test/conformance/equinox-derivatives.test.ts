// What Equinox's own tests of derivatives (tests/test_ad.py, 0.13.8) say, with their numbers.
import { bind, Module } from '../../lib/module';
import * as nn from '../../lib/nn';
import * as ops from '../../lib/ops';
import { key } from '../../lib/random';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { filter, isArray } from '../../lib/filter';
import {
  filterClosureConvert,
  filterCustomJvp,
  filterCustomVjp,
  filterGrad,
  filterHessian,
  filterJacfwd,
  filterJacrev,
  filterJit,
  filterJvp,
  filterValueAndGrad,
  filterVjp,
} from '../../lib/transform';
import { flatten, leaves, structure } from '../../lib/tree';
import { distance, numbers, thrown } from '../support/numeric';

const x = tensor([1, 2, 3], { dtype: 'float64' });
const scalar = (value: number): Tensor => tensor(value, { dtype: 'float64' });
const sumOf = (t: unknown): Tensor =>
  leaves(t)
    .filter(isArray)
    .map((leaf) => leaf.sum())
    .reduce((a, b) => a.add(b));

describe('filterGrad', () => {
  test('gives null for every leaf but inexact tensors', () => {
    const other = new Date(0);
    expect(filterGrad((t: unknown[]) => sumOf(t))([true, 'hi', other, x]).slice(0, 3)).toEqual([
      null,
      null,
      null,
    ]);
    const linear = new nn.Linear(1, 1, { key: key(0) });
    const grads = filterGrad((t: readonly unknown[]) => sumOf(t))([true, { hi: linear }, [5, 1.0], x]);
    const [first, { hi }, numbersOf, last] = grads as [null, { hi: nn.Linear }, unknown, Tensor];
    expect([first, numbersOf]).toEqual([null, [null, null]]);
    expect(hi).toBeInstanceOf(nn.Linear);
    expect([hi.weight.toArray(), hi.bias!.toArray(), last.toArray()]).toEqual([[[1]], [1], [1, 1, 1]]);
  });

  test('passes aux of any kind', () => {
    const f = (a: Tensor): readonly [Tensor, string] => [a.sum(), 'hi'];
    expect(filterGrad(f, { hasAux: true })(x)[1]).toBe('hi');
    const [[value, aux], slope] = filterValueAndGrad(f, { hasAux: true })(x);
    expect([value.item(), aux, slope.toArray()]).toEqual([6, 'hi', [1, 1, 1]]);
  });

  test('is with respect to the module of a method, or its argument', () => {
    class M extends Module {
      readonly w: Tensor;
      constructor(w: Tensor) {
        super();
        this.w = w;
      }
      forward(y: Tensor): Tensor {
        return this.w.add(y);
      }
    }
    const m = new M(scalar(5));
    expect(filterGrad((one: M, y: Tensor) => one.forward(y))(m, scalar(2)).w.item()).toBe(1);
    expect(filterGrad(bind(m, 'forward'))(scalar(2)).item()).toBe(1);
    expect(filterGrad(m)(scalar(2)).item()).toBe(1);
  });

  test('needs a first argument', () => {
    expect(thrown(() => (filterGrad((() => x.sum()) as never) as () => unknown)())).toMatchObject({
      code: 'ERR_TRANSFORM',
    });
  });
});

describe('filterCustomVjp', () => {
  test('runs its rules in gradients of compiled functions, tracing the backward rule once', () => {
    let traces = 0;
    const f = filterCustomVjp((a: Tensor) => a)
      .defFwd((_perturbed, a) => [a, null])
      .defBwd((_residuals: null, g: Tensor) => {
        traces++;
        return g.add(2);
      });
    const jitted = filterJit((a: Tensor) => f(a));
    for (let i = 0; i < 2; i++) expect(filterGrad(jitted)(scalar(1)).item()).toBe(3);
    expect(traces).toBe(1);
  });

  test('knows what is perturbed, what is unused, and keeps residuals of any kind', () => {
    const residual = Symbol('residual');
    const seen: unknown[] = [];
    const f = filterCustomVjp(([a, b]: readonly [Tensor, Tensor], c: Tensor) => [a.add(b), a.mul(c)] as const)
      .defFwd((perturbed, [a, b], c) => {
        seen.push(perturbed);
        return [[a.add(b), a.mul(c)], residual];
      })
      .defBwd((kept: unknown, [g1, g2]: readonly [Tensor, Tensor | null], perturbed) => {
        seen.push(kept, g2, perturbed);
        return [g1, null];
      });
    const slope = filterGrad((a: Tensor) => f([a, scalar(1)], scalar(2))[0])(scalar(3));
    expect(slope.item()).toBe(1);
    expect(seen).toEqual([[true, false], residual, null, [true, false]]);
    expect(thrown(() => filterGrad((c: Tensor) => f([scalar(1), scalar(1)], c)[1])(scalar(3)))).toMatchObject(
      {
        code: 'ERR_TRANSFORM',
      },
    );
  });

  test('has the gradient of a closure that is converted', () => {
    // The rule takes the function as its argument, so what that captured is differentiated.
    const apply = filterCustomVjp((f: (a: Tensor) => Tensor, a: Tensor) => f(a))
      .defFwd((_perturbed, f, a) => [f(a), null])
      .defBwd((_residuals: null, g: Tensor, _perturbed, f: (a: Tensor) => Tensor, a: Tensor) =>
        filterGrad((h: (b: Tensor) => Tensor) => h(a).mul(g))(f),
      );
    const run = ([a, b]: readonly [Tensor, Tensor]): Tensor => {
      const f = filterClosureConvert((c: Tensor) => a.add(b).add(c), scalar(0));
      return apply(f, scalar(1));
    };
    for (const variant of [filterGrad(run), filterJit(filterGrad(run))]) {
      expect(variant([scalar(2), scalar(4)]).map((g) => g.item())).toEqual([1, 1]);
    }
  });
});

describe('filterJvp', () => {
  test('pushes numbers and tensors, also compiled', () => {
    const f = (a: Tensor): Tensor => a.add(1);
    for (const push of [
      (): unknown => filterJvp(f, [scalar(1)], [scalar(1)]),
      (): unknown => filterJvp(filterJit(f), [scalar(1)], [scalar(1)]),
      (): unknown => filterJit((a: Tensor, t: Tensor) => filterJvp(f, [a], [t]))(scalar(1), scalar(1)),
      (): unknown => filterJvp((a: number) => ops.add(a as unknown as Tensor, 1), [1], [1]),
    ]) {
      expect(numbers(push())).toEqual([2, 1]);
    }
  });

  test('gives null where nothing is perturbed, and refuses tangents of the wrong kind', () => {
    const f = (a: Tensor, ...rest: unknown[]): unknown[] => [a.mul(2), ...rest];
    const rest = [3, 'text', true, Symbol.for('s'), tensor(4, { dtype: 'int64' })];
    const none = rest.map(() => null);
    const [value, tangent] = filterJvp(f, [scalar(2), ...rest], [scalar(5), ...none]);
    expect(value.slice(1, 5)).toEqual(rest.slice(0, 4));
    expect([(tangent[0] as Tensor).item(), ...tangent.slice(1)]).toEqual([10, ...none]);
    expect(filterJvp(f, [scalar(2), ...rest], [null, ...none])[1]).toEqual([null, ...none]);
    for (const wrong of [tensor(1, { dtype: 'int64' }), {}, 'text']) {
      const error = thrown(() => filterJvp((a: Tensor) => a, [scalar(1)], [wrong]));
      expect(['ERR_TRANSFORM', 'ERR_ARGUMENT']).toContain((error as unknown as { code: string }).code);
    }
    expect(
      thrown(() => filterJvp((a: Tensor) => a, [tensor(1, { dtype: 'int64' })], [scalar(1)])),
    ).toMatchObject({ code: 'ERR_TRANSFORM' });
  });

  test('gives null inside for what carries an outer tangent only', () => {
    const inner: unknown[] = [];
    const outer = (a: Tensor): Tensor => {
      const [y, t] = filterJvp((b: Tensor) => [b.mul(2), a.mul(3)] as const, [scalar(1)], [scalar(1)]);
      inner.push(t[1]);
      return y[1];
    };
    const [, tangent] = filterJvp(outer, [scalar(5)], [scalar(7)]);
    expect(inner).toEqual([null]);
    expect(tangent.item()).toBe(21);
  });
});

test('filterVjp takes cotangents for tensors and null for the rest, and gives a gradient for each argument', () => {
  const mlp = new nn.MLP(3, 2, 4, 1, { key: key(1), dtype: 'float64' });
  const f = (m: nn.MLP, n: number, s: string): readonly [Tensor, number, string] => [m.forward(x), n, s];
  const [out, pull] = filterVjp(f, mlp, 2, 'text');
  expect(out.slice(1)).toEqual([2, 'text']);
  const [grads, ...others] = pull([ops.ones([2], { dtype: 'float64' }), null, null]);
  expect(others).toEqual([null, null]);
  expect(structure(grads).equals(structure(filter(mlp, isArray)))).toBe(true);
  const expected = filterGrad((m: nn.MLP) => m.forward(x).sum())(mlp);
  expect(distance(numbers(grads), numbers(expected))).toBeLessThan(1e-13);
  // Any number of times.
  expect(numbers(pull([ops.ones([2], { dtype: 'float64' }), null, null]))).toEqual(numbers(grads));
});

describe('filterCustomJvp', () => {
  test('decides the tangent: that squared', () => {
    const f = filterCustomJvp((a: Tensor) => a.add(3)).defJvp(([a]: [Tensor], [t]: [Tensor]) => [
      a.add(3),
      t.square(),
    ]);
    expect(numbers(filterJvp((a: Tensor) => f(a), [scalar(2)], [scalar(3)]))).toEqual([5, 9]);
  });

  test('passes options, functions and undifferentiated arguments with null tangents', () => {
    const seen: unknown[] = [];
    const f = filterCustomJvp(
      (a: Tensor, b: Tensor, act: (c: Tensor) => Tensor, _o: { readonly by: number }) => act(a.add(b)),
    ).defJvp(
      (
        [a, b, act]: [Tensor, Tensor, (c: Tensor) => Tensor],
        [ta, ...rest]: [Tensor, null, null],
        { by }: { readonly by: number },
      ) => {
        seen.push(...rest);
        return [act(a.add(b)), ta.mul(by)];
      },
    );
    const act = (c: Tensor): Tensor => c;
    const [value, tangent] = filterJvp(
      (a: Tensor) => f(a, scalar(1.5), act, { by: 4 }),
      [scalar(2)],
      [scalar(3)],
    );
    expect([value.item(), tangent.item(), seen]).toEqual([3.5, 12, [null, null]]);
  });
});

test('Jacobians and Hessians are with respect to the first argument, and agree', () => {
  const f = (a: Tensor, b: Tensor): Tensor => a.sin().mul(b);
  const second = filterHessian(f)(scalar(1), scalar(2));
  expect(second.item()).toBeCloseTo(-2 * Math.sin(1), 12);
  const mlp = new nn.MLP(3, 1, 4, 3, { key: key(2), dtype: 'float64' });
  const loss = (m: nn.MLP): Tensor => m.forward(x).square().sum();
  const plain = filterGrad(loss)(mlp);
  for (const jacobian of [filterJacfwd(loss)(mlp), filterJacrev(loss)(mlp)]) {
    expect(flatten(jacobian)[1].equals(flatten(plain)[1])).toBe(true);
    expect(distance(numbers(jacobian), numbers(plain))).toBeLessThan(1e-13);
  }
});
