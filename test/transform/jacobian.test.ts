import { Module } from '../../lib/module';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  filterGrad,
  filterHessian,
  filterJacfwd,
  filterJacrev,
  filterJit,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  vmap,
} from '../../lib/transform';
import { expectNothingLeft, thrown } from '../support/numeric';

const v = tensor([1, 2], { dtype: 'float64' });
const m = tensor(
  [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
  { dtype: 'float64' },
);

describe.each([
  ['jacfwd', jacfwd],
  ['jacrev', jacrev],
])('%s', (_name, jacobian) => {
  test('has the shape of the result and then of the argument', () => {
    expect(jacobian((a: Tensor) => a.square())(v).toArray()).toEqual([
      [2, 0],
      [0, 4],
    ]);
    expect(jacobian((a: Tensor) => ops.matmul(m, a))(v).toArray()).toEqual(m.toArray());
    const byMatrix = jacobian((w: Tensor) => ops.matmul(w, v))(m);
    expect(byMatrix.shape).toEqual([3, 3, 2]);
    expect(byMatrix.index(1).toArray()).toEqual([
      [0, 0],
      [1, 2],
      [0, 0],
    ]);
    expect(jacobian((a: Tensor) => a.sum())(v).toArray()).toEqual([1, 1]);
  });

  test('has the tree of the result and in it that of the arguments', () => {
    const f = ({ a }: { a: Tensor }, b: Tensor) => ({ sum: a.sum().add(b.sum()), product: a.mul(b) });
    const found = jacobian(f as never, { argnums: [0, -1] })({ a: v }, v.mul(3)) as {
      sum: [{ a: Tensor }, Tensor];
      product: [{ a: Tensor }, Tensor];
    };
    expect(found.sum[0].a.toArray()).toEqual([1, 1]);
    expect(found.product[0].a.toArray()).toEqual([
      [3, 0],
      [0, 6],
    ]);
    expect(found.product[1].toArray()).toEqual([
      [1, 0],
      [0, 2],
    ]);
  });

  test('passes aux on, and is mapped and compiled', () => {
    const [slope, aux] = jacobian((a: Tensor) => [a.square(), { a, note: 'hi' }], { hasAux: true })(v);
    expect([slope.shape, aux.a.toArray(), aux.note]).toEqual([[2, 2], [1, 2], 'hi']);
    const f = jacobian((a: Tensor) => a.pow(3));
    expect(jit(f)(v).toArray()).toEqual(f(v).toArray());
    expect(vmap(f)(m).shape).toEqual([3, 2, 2]);
    expect(jit(vmap(f))(m).index(2, 1, 1).item()).toBe(108);
    expect(jacobian(jit((a: Tensor) => a.pow(3)))(v).toArray()).toEqual(f(v).toArray());
  });

  test('refuses what has no derivative', () => {
    const integer = tensor([1], { dtype: 'int32' });
    expect(thrown(() => jacobian((a: Tensor) => a)(integer)).message).toContain('got int32[1]');
    expect(thrown(() => jacobian((a: Tensor) => a.argmax())(v)).message).toContain('got int64[]');
    expect(thrown(() => jacobian((() => 3) as never)(v as never)).message).toContain('got 3');
    expect(thrown(() => jacobian((a: Tensor) => a, { argnums: 1 })(v))).toMatchObject({
      code: 'ERR_ARGUMENT',
    });
    expect(thrown(() => (jacobian((a: Tensor) => a) as unknown as () => unknown)())).toMatchObject({
      code: 'ERR_ARGUMENT',
    });
  });

  test('leaves nothing behind', () => {
    expectNothingLeft(() => {
      jacobian((a: Tensor) => a.sin().mul(a))(v).dispose();
    });
  });
});

describe('hessian', () => {
  const f = (a: Tensor): Tensor => a.index(0).pow(2).mul(a.index(1).pow(3));
  const expected = [
    [16, 24],
    [24, 12],
  ];
  test.each([
    ['hessian', hessian(f)],
    ['jacfwd of jacrev', jacfwd(jacrev(f))],
    ['jacrev of jacfwd', jacrev(jacfwd(f))],
    ['jacfwd of jacfwd', jacfwd(jacfwd(f))],
    ['jacrev of jacrev', jacrev(jacrev(f))],
    ['jacfwd of grad', jacfwd(grad(f))],
    ['jit of hessian', jit(hessian(f))],
    ['hessian of jit', hessian(jit(f))],
    ['jacfwd of jit of jacrev', jacfwd(jit(jacrev(f)))],
  ])('%s', (_name, second) => {
    expect(second(v).toArray()).toEqual(expected);
  });

  test('of a batch and with aux', () => {
    expect(vmap(hessian(f))(m).shape).toEqual([3, 2, 2]);
    const [second, aux] = hessian((a: Tensor) => [f(a), a], { hasAux: true })(v);
    expect([second.toArray(), aux.toArray()]).toEqual([expected, [1, 2]]);
  });
});

class Net extends Module {
  declare readonly w: Tensor;
  readonly activation = ops.tanh;
  readonly count = 3;
  constructor(w: Tensor) {
    super();
    this.w = w;
  }
  forward(x: Tensor): Tensor {
    return this.activation(ops.matmul(this.w, x)).sum();
  }
}

describe('filterJacfwd, filterJacrev and filterHessian', () => {
  const net = new Net(m);
  const loss = (model: Net, x: Tensor): Tensor => model.forward(x);

  test('agree with filterGrad on a model', () => {
    const forward = filterJacfwd(loss)(net, v);
    const reverse = filterJacrev(loss)(net, v);
    const expected = filterGrad(loss)(net, v);
    expect([forward.count, forward.activation]).toEqual([null, null]);
    const close = (a: Tensor, b: Tensor): boolean => ops.allclose(a, b, { rtol: 1e-12 });
    expect([close(forward.w, expected.w), close(reverse.w, expected.w)]).toEqual([true, true]);
  });

  test('give second derivatives of a model', () => {
    const second = filterHessian(loss)(net, v) as { w: { w: Tensor } };
    expect(second.w.w.shape).toEqual([3, 2, 3, 2]);
    expect(ops.allclose(second.w.w, hessian((w: Tensor) => ops.tanh(ops.matmul(w, v)).sum())(m))).toBe(true);
  });

  test('are the same to jit when they are made anew', () => {
    let traced = 0;
    const counted = (x: Tensor): Tensor => {
      traced++;
      return x.square();
    };
    for (let i = 0; i < 3; i++) filterJit(filterJacrev(counted))(v);
    expect(traced).toBe(1);
  });
});
