import { Module } from '../../lib/module';
import { grad as tapeGrad } from '../../lib/autograd';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  customVjp,
  filterCustomVjp,
  filterGrad,
  filterJit,
  filterVmap,
  grad,
  jit,
  jvp,
  stopGradient,
  valueAndGrad,
  vmap,
} from '../../lib/transform';
import { expectNothingLeft, thrown } from '../support/numeric';

const x = tensor(2, { dtype: 'float64' });
const xs = tensor([1, 2, 3], { dtype: 'float64' });

/** x³, whose gradient claims to be 10 times too large; so it is told whether the rule ran. */
const cube = customVjp((a: Tensor) => a.pow(3)).defvjp(
  (a) => [a.pow(3), a],
  (a: Tensor, g: Tensor) => [g.mul(a.square()).mul(30)],
);

describe('customVjp', () => {
  test('runs the function where no gradient is asked for, and the rules where one is', () => {
    const ran: string[] = [];
    const f = customVjp((a: Tensor) => {
      ran.push('primal');
      return a.sin();
    }).defvjp(
      (a) => {
        ran.push('forward');
        return [a.sin(), a.cos()];
      },
      (cos: Tensor, g: Tensor) => {
        ran.push('backward');
        return [g.mul(cos)];
      },
    );
    expect(f(x).item()).toBe(Math.sin(2));
    expect(ran).toEqual(['primal']);
    expect(valueAndGrad(f)(x).map(Number)).toEqual([Math.sin(2), Math.cos(2)]);
    expect(ran).toEqual(['primal', 'forward', 'backward']);
  });

  test.each([
    ['grad', grad(cube), 120],
    ['grad of grad', grad(grad(cube)), 120],
    ['jit of grad', jit(grad(cube)), 120],
    ['grad of jit', grad(jit(cube)), 120],
    ['jit of grad of jit of grad', jit(grad(jit(grad(cube)))), 120],
    ['grad of jit of grad', grad(jit(grad(cube))), 120],
    ['grad of grad of jit', grad(grad(jit(cube))), 120],
    ['grad of what contains it', grad((a: Tensor) => cube(a.mul(2)).mul(a)), 8 * 8 + 16 * 30 * 4],
  ])('composes: %s', (_name, derivative, expected) => {
    expect(derivative(x).item()).toBe(expected);
    expect(derivative(x).item()).toBe(expected);
  });

  test.each([
    ['vmap of grad', vmap(grad(cube))],
    ['grad of vmap', grad((a: Tensor) => vmap(cube)(a).sum())],
    ['jit of vmap of grad', jit(vmap(grad(cube)))],
    ['vmap of jit of grad', vmap(jit(grad(cube)))],
    ['vmap of grad of jit', vmap(grad(jit(cube)))],
    ['grad of vmap of jit', grad((a: Tensor) => vmap(jit(cube))(a).sum())],
    ['grad of jit of vmap', grad((a: Tensor) => jit(vmap(cube))(a).sum())],
    ['jit of grad of jit of vmap', jit(grad((a: Tensor) => jit(vmap(cube))(a).sum()))],
    ['grad of vmap of vmap', grad((a: Tensor) => vmap(vmap(cube))(a.unsqueeze(0)).sum())],
  ])('composes: %s', (_name, derivative) => {
    expect(derivative(xs).toArray()).toEqual([30, 120, 270]);
  });

  test('composes with jvp outside: forward over reverse', () => {
    const [value, tangent] = jvp(grad(cube), [x], [ops.onesLike(x)]);
    expect([value.item(), tangent.item()]).toEqual([120, 120]);
    const error = thrown(() => jvp(cube, [x], [ops.onesLike(x)]));
    expect(error).toMatchObject({ code: 'ERR_TRANSFORM' });
    expect(error.message).toContain('forward mode');
    // Without a tangent there is nothing to differentiate.
    expect(jvp((a: Tensor) => a.mul(cube(x)), [x], [ops.onesLike(x)])[1].item()).toBe(8);
  });

  test('sums the gradient of what the whole batch shares', () => {
    const scale = customVjp((a: Tensor, w: Tensor) => a.mul(w)).defvjp(
      (a, w) => [a.mul(w), [a, w]],
      ([a, w]: [Tensor, Tensor], g: Tensor) => [g.mul(w).mul(10), g.mul(a).mul(100)],
    );
    const total = (a: Tensor, w: Tensor): Tensor => vmap(scale, { inAxes: [0, null] })(a, w).sum();
    for (const f of [total, jit(total)]) {
      const [da, dw] = grad(f, { argnums: [0, 1] })(xs, x) as [Tensor, Tensor];
      expect([da.toArray(), dw.toArray()]).toEqual([[20, 20, 20], 600]);
    }
  });

  test('takes trees, static arguments at nondiffArgnums, and null for zero', () => {
    const f = customVjp(
      (kind: string, p: { a: Tensor; b: Tensor }) => (kind === 'sum' ? p.a.add(p.b) : p.a),
      {
        nondiffArgnums: 0,
      },
    ).defvjp(
      (_kind, p) => [p.a.add(p.b), null],
      (kind: string, _residuals: null, g: Tensor) => {
        expect(kind).toBe('sum');
        return [{ a: g.mul(3), b: null }];
      },
    );
    const gradient = grad((p: { a: Tensor; b: Tensor }) => f('sum', p))({ a: x, b: x });
    expect([gradient.a.item(), gradient.b.item()]).toEqual([3, 0]);
    const zero = customVjp((a: Tensor, b: Tensor) => a.mul(b)).defvjp(
      (a, b) => [a.mul(b), null],
      () => [null, null],
    );
    expect(grad(zero)(x, x).item()).toBe(0);
  });

  test('gives zeros where a result is not used, and lets a result be an argument', () => {
    const seen: unknown[] = [];
    const f = customVjp((a: Tensor) => [a, a.mul(2), 7] as const).defvjp(
      (a) => [[a, a.mul(2), 7], a.shape],
      (_shape: readonly number[], g: [Tensor, Tensor, null]) => {
        seen.push(g.map((one) => one?.shape ?? null));
        return [g[0].add(g[1].mul(2))];
      },
    );
    expect(grad((a: Tensor) => f(a)[0].sum())(xs).toArray()).toEqual([1, 1, 1]);
    expect(seen).toEqual([[[3], [3], null]]);
    expect(grad((a: Tensor) => f(a)[1].add(a).sum())(xs).toArray()).toEqual([3, 3, 3]);
    seen.length = 0;
    expect(jit((a: Tensor) => f(a)[0].mul(2))(xs).toArray()).toEqual([2, 4, 6]);
    expect(grad((a: Tensor) => jit((b: Tensor) => f(b)[0].mul(b))(a).sum())(xs).toArray()).toEqual([2, 4, 6]);
  });

  test("works on libtorch's own tape, once", () => {
    const a = tensor([1, 2], { dtype: 'float64' }).requiresGrad_();
    const y = cube(a).sum();
    expect(tapeGrad([y], [a])[0]?.toArray()).toEqual([30, 120]);
    const [again] = [cube(a).sum()];
    expect(() => tapeGrad([again], [a], { createGraph: true })).toThrow('grad(grad(f))');
  });

  test.each([
    ['without rules', (): unknown => customVjp((a: Tensor) => a)(x), 'Call `defvjp` first'],
    [
      'a forward rule that returns no pair',
      (): unknown =>
        grad(
          customVjp((a: Tensor) => a).defvjp(
            (a) => a as never,
            () => [null],
          ),
        )(x),
      '[result, residuals]',
    ],
    [
      'a backward rule that returns no array',
      (): unknown =>
        grad(
          customVjp((a: Tensor) => a).defvjp(
            (a) => [a, null],
            () => x as never,
          ),
        )(x),
      'an array with the gradient of each of 1 argument(s)',
    ],
    [
      'a backward rule that returns too many',
      (): unknown =>
        grad(
          customVjp((a: Tensor) => a).defvjp(
            (a) => [a, null],
            () => [null, null],
          ),
        )(x),
      'got one of 2',
    ],
    [
      'a gradient of another shape',
      (): unknown =>
        grad(
          customVjp((a: Tensor) => a).defvjp(
            (a) => [a, null],
            () => [xs],
          ),
        )(x),
      'expected float64[] among the gradients, got float64[3] at [0]',
    ],
    [
      'a gradient of another dtype',
      (): unknown =>
        grad(
          customVjp((a: Tensor) => a).defvjp(
            (a) => [a, null],
            () => [tensor(1)],
          ),
        )(x),
      'expected float64[] among the gradients, got float32[]',
    ],
    [
      'a gradient with another structure',
      (): unknown =>
        grad(
          customVjp((a: Tensor) => a).defvjp(
            (a) => [a, null],
            () => [[x]],
          ),
        )(x),
      'expected float64[] among the gradients, got array of 1 at [0]',
    ],
    [
      'an argument of nondiffArgnums that is differentiated',
      (): unknown =>
        grad(
          customVjp((a: Tensor, _b: Tensor) => a, { nondiffArgnums: 0 }).defvjp(
            (a) => [a, null],
            () => [null],
          ),
        )(x, x),
      'with respect to another',
    ],
    [
      'a captured tensor that is differentiated',
      (): unknown =>
        grad((w: Tensor) =>
          customVjp((a: Tensor) => a.mul(w)).defvjp(
            (a) => [a, null],
            () => [null],
          )(x),
        )(x),
      'captures a differentiated tensor',
    ],
    [
      'nondiffArgnums that names nothing',
      (): unknown =>
        customVjp((a: Tensor) => a, { nondiffArgnums: 3 }).defvjp(
          (a) => [a, null],
          () => [null],
        )(x),
      'expected `nondiffArgnums` to name one of 1 argument(s), got 3',
    ],
  ])('refuses %s', (_what, run, message) => {
    expect(thrown(run).message).toContain(message);
  });

  test('passes on what a rule throws, the very object, from any depth, and leaves no layer behind', () => {
    const failure = new RangeError('from the rule');
    const failing = customVjp((a: Tensor) => a).defvjp(
      (a) => [a.mul(2), null],
      () => {
        throw failure;
      },
    );
    expectNothingLeft(() => {
      for (const run of [
        grad(failing),
        grad(grad(failing)),
        jit(grad(failing)),
        grad(jit(failing)),
        (a: Tensor) => vmap(grad(failing))(a.unsqueeze(0)),
      ]) {
        expect(thrown(() => run(x))).toBe(failure);
      }
      expect(grad(cube)(x).item()).toBe(120);
    });
  });

  test('captures constants of the transforms around it', () => {
    const f = (a: Tensor): Tensor => {
      const two = ops.full([], 2, { dtype: 'float64' });
      const g = customVjp((b: Tensor) => b.mul(two)).defvjp(
        (b) => [b.mul(two), null],
        (_residuals: null, ct: Tensor) => [ct.mul(two).mul(10)],
      );
      return g(a);
    };
    expect(grad(f)(x).item()).toBe(20);
    expect(vmap(grad(f))(xs).toArray()).toEqual([20, 20, 20]);
    expect(jit(grad(f))(x).item()).toBe(20);
    // Something of the batch, which is no argument.
    const shift = (a: Tensor, b: Tensor): Tensor =>
      customVjp((c: Tensor) => c.add(b)).defvjp(
        (c) => [c.add(b), null],
        (_residuals: null, ct: Tensor) => [ct.mul(b)],
      )(a);
    expect(vmap(grad(shift))(xs, xs).toArray()).toEqual([1, 2, 3]);
    expect(grad((a: Tensor) => vmap(shift)(a, xs).sum())(xs).toArray()).toEqual([1, 2, 3]);
  });
});

class Net extends Module {
  readonly w: Tensor;
  readonly name: string;
  readonly count: Tensor;
  constructor(w: Tensor) {
    super();
    this.w = w;
    this.name = 'net';
    this.count = tensor(3, { dtype: 'int32' });
  }
}

describe('filterCustomVjp', () => {
  // Equinox's test_filter_custom_vjp_defjvp and its kin.
  test('knows which leaves are perturbed, and takes null for the others', () => {
    const seen: unknown[] = [];
    const f = filterCustomVjp((p: [Tensor, Tensor], factor: number) => p[0].mul(p[1]).mul(factor))
      .defFwd((perturbed, p, factor) => {
        seen.push(perturbed);
        return [p[0].mul(p[1]).mul(factor), { other: p[1], mark: Symbol.for('any') }];
      })
      .defBwd(
        (residuals: { other: Tensor; mark: symbol }, g: Tensor, perturbed: unknown, _p, factor: number) => {
          seen.push(perturbed, residuals.mark, factor);
          return [g.mul(residuals.other).mul(100), null];
        },
      );
    expect(grad((a: Tensor) => f([a, x], 3))(x).item()).toBe(200);
    expect(seen).toEqual([[true, false], [true, false], Symbol.for('any'), 3]);
  });

  test('takes modules, and gives null for results that are not used or have no gradient', () => {
    const grads: unknown[] = [];
    const f = filterCustomVjp(
      (net: Net, a: Tensor) => [net.w.mul(a), net.count, 'text', net.w.neg()] as const,
    )
      .defFwd((_perturbed, net, a) => [[net.w.mul(a), net.count, 'text', net.w.neg()] as const, null])
      .defBwd(
        (_residuals: null, g: readonly [Tensor, null, null, null], _perturbed, _net: Net, a: Tensor) => {
          grads.push(g.slice(1));
          return { w: g[0].mul(a).mul(10), name: null, count: null };
        },
      );
    const wrong = thrown(() => filterGrad((net: Net) => f(net, x)[0])(new Net(x)));
    expect(wrong.message).toContain('expected gradients with the structure');
    const right = filterCustomVjp((net: Net, a: Tensor) => net.w.mul(a))
      .defFwd((_perturbed, net, a) => [net.w.mul(a), null])
      .defBwd((_residuals: null, g: Tensor, _perturbed, net: Net, a: Tensor) =>
        filterGrad((one: Net) => one.w.mul(a).mul(g).mul(10))(net),
      );
    const gradient = filterGrad((net: Net) => right(net, x))(new Net(x));
    expect(gradient).toBeInstanceOf(Net);
    expect([gradient.w.item(), gradient.name, gradient.count]).toEqual([20, null, null]);
    expect(grads).toEqual([[null, null, null]]);
  });

  // Equinox's test_grad_jit: the rule is traced once for each compiled function.
  test('traces its backward rule once in a compiled function, however often that is differentiated', () => {
    let traces = 0;
    const make = (): ((a: Tensor) => Tensor) => {
      const f = filterCustomVjp((a: Tensor) => a.add(1))
        .defFwd((_perturbed, a) => [a.add(1), null])
        .defBwd((_residuals: null, g: Tensor) => {
          traces++;
          return g.add(2);
        });
      return filterJit(f);
    };
    const compiled = make();
    expect([filterGrad(compiled)(x).item(), filterGrad(compiled)(x).item(), traces]).toEqual([3, 3, 1]);
    const other = make();
    expect([filterGrad(other)(x).item(), filterGrad(other)(x).item(), traces]).toEqual([3, 3, 2]);
    expect(filterVmap(filterGrad(compiled))(xs).toArray()).toEqual([3, 3, 3]);
  });

  test('refuses a derivative with respect to another argument, unless it is stopped', () => {
    const f = filterCustomVjp((a: Tensor, b: Tensor) => a.mul(b))
      .defFwd((_perturbed, a, b) => [a.mul(b), b])
      .defBwd((b: Tensor, g: Tensor) => g.mul(b));
    expect(thrown(() => grad((b: Tensor) => f(x, b))(x))).toMatchObject({ code: 'ERR_TRANSFORM' });
    expect(thrown(() => grad((a: Tensor) => f(a, a))(x)).message).toContain('stopGradient');
    expect(grad((a: Tensor) => f(a, stopGradient(a)))(x).item()).toBe(2);
    expect(thrown(() => filterCustomVjp((a: Tensor) => a)(x)).message).toContain(
      'Call `defFwd` and `defBwd` first',
    );
    expect(thrown(() => (f as unknown as () => unknown)())).toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});

describe('stopGradient', () => {
  test('leaves values and takes derivatives away, in every mode and when compiled', () => {
    const f = (a: Tensor): Tensor => a.mul(stopGradient(a));
    expect(f(x).item()).toBe(4);
    for (const derivative of [
      grad(f),
      jit(grad(f)),
      grad(jit(f)),
      (a: Tensor) => jvp(f, [a], [ops.onesLike(a)])[1],
    ]) {
      expect(derivative(x).item()).toBe(2);
    }
    expect(grad(grad(f))(x).item()).toBe(0);
    expect(vmap(grad(f))(xs).toArray()).toEqual([1, 2, 3]);
    expect(jvp(jit(f), [x], [ops.onesLike(x)])[1].item()).toBe(2);
    expect(stopGradient({ a: 'text', b: null })).toEqual({ a: 'text', b: null });
  });
});
