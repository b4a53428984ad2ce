import * as nn from '../../lib/nn';
import * as ops from '../../lib/ops';
import { key } from '../../lib/random';
import { tensor } from '../../lib/tensor/create';
import { Tensor } from '../../lib/tensor/tensor';
import { tidy } from '../../lib/tensor/tidy';
import { filter, isInexactArray } from '../../lib/filter';
import { leaves, structure } from '../../lib/tree';
import { checkpoint, filterVjp, grad, jit, vjp, vmap } from '../../lib/transform';
import { expectNothingLeft, thrown } from '../support/numeric';

const x = tensor(2, { dtype: 'float64' });
const one = tensor(1, { dtype: 'float64' });
const xs = tensor([1, 2, 3], { dtype: 'float64' });

describe('vjp', () => {
  test('gives the value, and takes cotangents back, any number of times', () => {
    const [y, pull] = vjp((a: Tensor, b: Tensor) => a.mul(b), x, one);
    expect(y.item()).toBe(2);
    expect(pull(one).map(Number)).toEqual([1, 2]);
    expect(pull(one.mul(10)).map(Number)).toEqual([10, 20]);
    expect(pull(null).map(Number)).toEqual([0, 0]);
  });

  test('takes trees, with null for zero', () => {
    const [, pull] = vjp(({ a, b }: { a: Tensor; b: Tensor }) => [a.square(), b.mul(xs)] as const, {
      a: x,
      b: one,
    });
    const [{ a, b }] = pull([null, xs]);
    expect([a.item(), b.item()]).toEqual([0, 14]);
  });

  test('passes aux on', () => {
    const [y, pull, aux] = vjp((a: Tensor) => [a.square(), { a }] as const, x, { hasAux: true });
    expect([y.item(), Number(pull(one)[0]), aux.a.item()]).toEqual([4, 4, 2]);
  });

  const slope = (f: (a: Tensor) => Tensor) => (a: Tensor) => vjp(f, a)[1](ops.onesLike(a))[0];
  const cube = (a: Tensor): Tensor => a.pow(3);
  test.each([
    ['vjp of vjp', slope(slope(cube)), 12],
    ['grad of vjp', grad(slope(cube)), 12],
    ['vjp of grad', slope(grad(cube)), 12],
    ['jit of vjp', jit(slope(cube)), 12],
    ['vjp of jit', slope(jit(cube)), 12],
    ['vjp of checkpoint', slope(checkpoint(cube)), 12],
    ['jit of vjp of vjp', jit(slope(slope(cube))), 12],
  ])('%s of x³ at 2', (_name, f, expected) => {
    expect(f(x).item()).toBeCloseTo(expected, 12);
  });

  test('stands on both sides of vmap, and its cotangents may be mapped alone', () => {
    expect(vmap(slope(cube))(xs).toArray()).toEqual([3, 12, 27]);
    expect(slope(vmap(cube))(xs).toArray()).toEqual([3, 12, 27]);
    const [, pull] = vjp((a: Tensor) => a.square(), xs);
    expect(vmap((row: Tensor) => pull(row)[0])(ops.eye(3, { dtype: 'float64' })).toArray()).toEqual([
      [2, 0, 0],
      [0, 4, 0],
      [0, 0, 6],
    ]);
  });

  test('is a function of its cotangents', () => {
    const [, pull] = vjp((a: Tensor) => a.square(), x);
    expect(grad((g: Tensor) => pull(g)[0].square())(one).item()).toBe(32);
  });

  test('is released with the tidy around it', () => {
    let pull: ((g: Tensor) => unknown) | undefined;
    expectNothingLeft(() => {
      tidy(() => {
        [, pull] = vjp((a: Tensor) => a.sin().mul(a), xs);
        pull(xs);
      });
    });
    expect(thrown(() => pull?.(xs))).toMatchObject({ code: 'ERR_DISPOSED' });
  });

  test.each([
    ['an integer', (): unknown => vjp((a: Tensor) => a, tensor(1, { dtype: 'int32' })), 'got int32[] at [0]'],
    [
      'cotangents of another shape',
      (): unknown => vjp((a: Tensor) => a, x)[1](xs),
      'expected float64[] among',
    ],
    ['cotangents of another tree', (): unknown => vjp((a: Tensor) => [a, a], x)[1]([one]), 'the structure'],
    ['a Promise', (): unknown => vjp((() => Promise.resolve(x)) as never, x as never), 'Promise'],
  ])('refuses %s', (_what, body, message) => {
    const error = thrown(body);
    expect(error.message).toContain(message);
    expect(error).toMatchObject({ code: 'ERR_TRANSFORM' });
  });
});

describe('filterVjp', () => {
  test('differentiates by every inexact tensor of any trees', () => {
    const mlp = new nn.MLP(2, 1, 3, 1, { key: key(0) });
    const marker = Object.freeze({ kind: 'marker' });
    const f = (net: nn.MLP, n: number, v: Tensor, other: object): [Tensor, number, object] => [
      net.forward(v.mul(n)),
      n,
      other,
    ];
    const [value, pull] = filterVjp(f, mlp, 2, tensor([1, 2]), marker);
    expect(value.slice(1)).toEqual([2, marker]);
    const [net, n, v, other] = pull([tensor([1]), null, { kind: null }]) as [
      nn.MLP,
      unknown,
      Tensor,
      unknown,
    ];
    expect([n, other, v.shape]).toEqual([null, { kind: null }, [2]]);
    expect(leaves(net).every((leaf) => leaf instanceof Tensor)).toBe(true);
    expect(structure(net).equals(structure(filter(mlp, isInexactArray)))).toBe(true);
  });
});
