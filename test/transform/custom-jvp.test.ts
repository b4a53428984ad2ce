import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  customJvp,
  filterCustomJvp,
  filterJvp,
  grad,
  hessian,
  jacfwd,
  jit,
  jvp,
  vmap,
} from '../../lib/transform';
import { expectNothingLeft, thrown } from '../support/numeric';

const x = tensor(2, { dtype: 'float64' });
const one = tensor(1, { dtype: 'float64' });
const xs = tensor([1, 2, 3], { dtype: 'float64' });

/** x³ whose derivative claims to be 10 times too large. */
const cube = customJvp((a: Tensor) => a.pow(3)).defjvp(([a]: [Tensor], [t]: [Tensor]) => [
  a.pow(3),
  t.mul(a.square()).mul(30),
]);

describe('customJvp', () => {
  const slope = (f: (a: Tensor) => Tensor) => (a: Tensor) => jvp(f, [a], [ops.onesLike(a)])[1];
  test.each([
    ['jvp', slope(cube), 120],
    ['grad', grad(cube), 120],
    ['jit of jvp', jit(slope(cube)), 120],
    ['jvp of jit', slope(jit(cube)), 120],
    ['jit of grad', jit(grad(cube)), 120],
    ['grad of jit', grad(jit(cube)), 120],
    ['jvp of jvp', slope(slope(cube)), 120],
    ['grad of grad', grad(grad(cube)), 120],
    ['grad of jvp', grad(slope(cube)), 120],
    ['jvp of grad', slope(grad(cube)), 120],
    ['hessian', hessian(cube), 120],
    ['jit of hessian', jit(hessian(cube)), 120],
    ['hessian of jit', hessian(jit(cube)), 120],
  ])('%s', (_name, f, expected) => {
    expect(f(x).item()).toBeCloseTo(expected, 10);
  });

  test('is mapped, on either side', () => {
    expect(vmap(cube)(xs).toArray()).toEqual([1, 8, 27]);
    expect(vmap(grad(cube))(xs).toArray()).toEqual([30, 120, 270]);
    expect(vmap(slope(cube))(xs).toArray()).toEqual([30, 120, 270]);
    expect(slope(vmap(cube))(xs).toArray()).toEqual([30, 120, 270]);
    expect(jacfwd(vmap(cube))(xs).toArray()).toEqual([
      [30, 0, 0],
      [0, 120, 0],
      [0, 0, 270],
    ]);
    expect(grad((a: Tensor) => vmap(cube)(a).sum())(xs).toArray()).toEqual([30, 120, 270]);
  });

  test('takes arguments that are not differentiated, and rules for each', () => {
    const power = customJvp((n: number, a: Tensor) => a.pow(n), { nondiffArgnums: 0 }).defjvp(
      (n: number, [a]: [Tensor], [t]: [Tensor]) => [a.pow(n), t.mul(n * 100)],
    );
    expect(grad((a: Tensor) => power(3, a))(x).item()).toBe(300);
    const product = customJvp((a: Tensor, b: Tensor) => a.mul(b)).defjvps(
      (t: Tensor, _y, _a, b) => t.mul(b).mul(10),
      null,
    );
    expect((grad(product, { argnums: [0, 1] })(x, one.mul(3)) as Tensor[]).map(Number)).toEqual([30, 0]);
  });

  test('leaves nothing behind', () => {
    expectNothingLeft(() => {
      slope(cube)(x).dispose();
      grad(cube)(x).dispose();
    });
  });

  test.each([
    ['no rule', (): unknown => customJvp((a: Tensor) => a)(x), 'Call `defjvp` first'],
    [
      'a rule without a pair',
      (): unknown => slope(customJvp((a: Tensor) => a).defjvp((([a]: [Tensor]) => a) as never))(x),
      '[result, tangents]',
    ],
    [
      'a tangent of another shape',
      (): unknown => slope(customJvp((a: Tensor) => a).defjvp(([a]: [Tensor]) => [a, xs]))(x),
      'expected float64[] among',
    ],
    [
      'a captured tensor that is differentiated',
      (): unknown =>
        slope((a) =>
          customJvp((b: Tensor) => b.mul(a)).defjvp(([b]: [Tensor], [t]: [Tensor]) => [b.mul(a), t.mul(a)])(
            a,
          ),
        )(x),
      'Pass it as an argument',
    ],
  ])('refuses %s', (_what, body, message) => {
    const error = thrown(body);
    expect(error.message).toContain(message);
    expect(error).toMatchObject({ code: 'ERR_TRANSFORM' });
  });
});

describe('filterCustomJvp', () => {
  test('has null for zero tangents, and takes any leaves and options', () => {
    const seen: unknown[] = [];
    const f = filterCustomJvp((a: Tensor, b: Tensor, fn: (t: Tensor) => Tensor, options: { n: number }) =>
      fn(a).add(b).mul(options.n),
    ).defJvp(
      (
        [a, b, fn]: [Tensor, Tensor, (t: Tensor) => Tensor],
        tangents: [Tensor, null, null],
        { n }: { n: number },
      ) => {
        seen.push(tangents.slice(1));
        return [fn(a).add(b).mul(n), tangents[0].square()];
      },
    );
    const [y, t] = filterJvp((a: Tensor) => f(a, one, ops.square, { n: 2 }), [x], [one.mul(3)]);
    expect([y.item(), t.item(), seen]).toEqual([10, 9, [[null, null]]]);
  });
});
