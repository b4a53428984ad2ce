import '../../lib/autograd';
import { ShapeError } from '../../lib/base/errors';
import { field, Module } from '../../lib/module';
import * as ops from '../../lib/ops';
import { Complex } from '../../lib/base/complex';
import { tensor } from '../../lib/tensor/create';
import { memory } from '../../lib/tensor/memory';
import type { Tensor } from '../../lib/tensor/tensor';
import { filterGrad, filterValueAndGrad, grad, valueAndGrad } from '../../lib/transform';
import { distance, expectNothingLeft, liveTensors, numbers, thrown, waves } from '../support/numeric';

const x = tensor([1, 2, 3]);
const y = tensor([4, 5, 6]);
const dot = (a: Tensor, b: Tensor): Tensor => a.mul(b).sum();

class Scaled extends Module {
  static readonly fields = { power: field({ static: true }) };
  readonly scale: Tensor;
  readonly offset: number;
  readonly counts: Tensor;
  readonly act: (x: Tensor) => Tensor;
  readonly power: number;
  constructor() {
    super();
    this.scale = tensor([2, 3]);
    this.offset = 7;
    this.counts = tensor([1, 1], { dtype: 'int64' });
    this.act = ops.square;
    this.power = 2;
  }
  forward(value: Tensor): Tensor {
    return this.act(this.scale).mul(value).add(this.offset).add(this.counts).sum();
  }
}

describe('grad and valueAndGrad', () => {
  test('give value and gradient of the first argument', () => {
    const [value, slope] = valueAndGrad(dot)(x, y);
    expect(value.item()).toBe(32);
    expect(value.shape).toEqual([]);
    expect(slope.toArray()).toEqual([4, 5, 6]);
    expect(grad(dot)(x, y).toArray()).toEqual([4, 5, 6]);
  });

  test('count argnums from the end when they are negative', () => {
    expect((grad(dot, { argnums: 1 })(x, y) as Tensor).toArray()).toEqual([1, 2, 3]);
    expect((grad(dot, { argnums: -1 })(x, y) as Tensor).toArray()).toEqual([1, 2, 3]);
    expect((grad(dot, { argnums: -2 })(x, y) as Tensor).toArray()).toEqual([4, 5, 6]);
  });

  test('give a gradient for each of several argnums, in their order', () => {
    const slopes = grad(dot, { argnums: [1, 0] })(x, y) as Tensor[];
    expect(slopes.map((one) => one.toArray())).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const [value, both] = valueAndGrad(dot, { argnums: [-2] })(x, y) as [Tensor, Tensor[]];
    expect(value.item()).toBe(32);
    expect(both.map((one) => one.toArray())).toEqual([[4, 5, 6]]);
  });

  test('refuse argnums that name no argument, or one twice', () => {
    expect(thrown(() => grad(dot, { argnums: 2 })(x, y)).message).toBe(
      'grad: expected `argnums` to name one of 2 argument(s), got 2.',
    );
    expect(thrown(() => grad(dot, { argnums: 0.5 })(x, y)).message).toBe(
      'grad: expected `argnums` to name one of 2 argument(s), got 0.5.',
    );
    expect(thrown(() => valueAndGrad(dot, { argnums: [0, -2] })(x, y)).message).toBe(
      'valueAndGrad: expected `argnums` to name each argument once, got 0, -2 for 2 argument(s).',
    );
  });

  test('give the same tensor its gradient for each place where it was passed', () => {
    expect(grad(dot)(x, x).toArray()).toEqual([1, 2, 3]);
    const both = grad(dot, { argnums: [0, 1] })(x, x) as Tensor[];
    expect(both.map((one) => one.toArray())).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(grad((pair: [Tensor, Tensor]) => dot(...pair))([x, x]).map((one) => one.toArray())).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  test('give gradients in the structure of the argument', () => {
    const model = { w: [x, null, y] as const, b: tensor(2) };
    const slopes = grad((m: typeof model) => dot(m.w[0], m.w[2]).mul(m.b))(model);
    expect(slopes.w[0].toArray()).toEqual([8, 10, 12]);
    expect(slopes.w[1]).toBeNull();
    expect(slopes.b.item()).toBe(32);
  });

  test('give zeros where the value does not depend on the argument', () => {
    expect(grad((_a: Tensor) => y.sum())(x).toArray()).toEqual([0, 0, 0]);
    expect(grad((_a: Tensor) => tensor(5))(x).toArray()).toEqual([0, 0, 0]);
    expect(grad((a: Tensor) => a.gt(0).to('float32').sum())(x).toArray()).toEqual([0, 0, 0]);
    // The inner function returns a tensor of the outer level, on which its own argument has no influence.
    const nested = grad((a: Tensor) => grad((_b: Tensor) => a.square())(a).add(a.square()));
    expect(nested(tensor(3)).item()).toBe(6);
  });

  test('pass auxiliary results through, tensors and others, with their identity', () => {
    const marker = { name: 'marker' };
    const fn = (a: Tensor) => {
      const squared = a.square();
      return [squared.sum(), { squared, y, marker, list: [marker, 'hi'] }] as const;
    };
    const [[value, aux], slope] = valueAndGrad(fn, { hasAux: true })(x);
    expect(value.item()).toBe(14);
    expect(aux.squared.toArray()).toEqual([1, 4, 9]);
    expect(aux.y).toBe(y);
    expect(aux.list[1]).toBe('hi');
    expect(slope.toArray()).toEqual([2, 4, 6]);
    const [again, hi] = grad((a: Tensor) => [a.sum(), 'hi'] as const, { hasAux: true })(x);
    expect(again.toArray()).toEqual([1, 1, 1]);
    expect(hi).toBe('hi');
  });

  test('differentiate four times', () => {
    let derivative: (a: Tensor) => Tensor = (a) => a.pow(5).add(a.exp());
    for (let order = 0; order < 4; order++) derivative = grad(derivative);
    const at = 1.5;
    expect(Number(derivative(tensor(at, { dtype: 'float64' })))).toBeCloseTo(120 * at + Math.exp(at), 10);
  });

  test('keep the levels of captured values apart', () => {
    // d/da (a * d/db (a * b)) = 2a, where confusing the levels gives a or 3a.
    const outer = grad((a: Tensor) => a.mul(grad((b: Tensor) => a.mul(b))(tensor(7))));
    expect(outer(tensor(3)).item()).toBe(6);
    const product = grad((a: Tensor) => a.mul(grad((b: Tensor) => a.mul(b))(a)));
    expect(product(tensor(3)).item()).toBe(6);
  });

  test.each(['float16', 'bfloat16', 'float32', 'float64'] as const)('keep the dtype %s', (dtype) => {
    const slope = grad((a: Tensor) => a.square().sum())(x.to(dtype));
    expect(slope.dtype).toBe(dtype);
    expect(slope.toArray()).toEqual([2, 4, 6]);
  });

  test('let NaN and infinity through', () => {
    const slope = grad((a: Tensor) => a.sqrt().sum())(tensor([-1, 0, 4]));
    expect(slope.toArray()).toEqual([NaN, Infinity, 0.25]);
  });

  test("give PyTorch's gradient for complex arguments, the direction of steepest ascent", () => {
    // torch: z = torch.tensor([3+4j], requires_grad=True); z.abs().sum().backward(); z.grad -> [0.6+0.8j]
    const slope = grad((z: Tensor) => z.abs().sum())(tensor([new Complex(3, 4)]));
    const [re = NaN, im = NaN] = Array.from(slope.toTypedArray() as Float32Array);
    expect(re).toBeCloseTo(0.6, 6);
    expect(im).toBeCloseTo(0.8, 6);
  });

  test('differentiate tensors without elements', () => {
    const slope = grad((a: Tensor) => a.square().sum())(ops.zeros([0, 3]));
    expect(slope.shape).toEqual([0, 3]);
    expect(
      grad((tree: { readonly none: readonly Tensor[] }) => x.sum().add(tree.none.length))({ none: [] }),
    ).toEqual({
      none: [],
    });
  });

  test.each([
    ['an integer tensor', tensor([1, 2], { dtype: 'int32' }), 'int32[2]'],
    ['a bool tensor', tensor([true]), 'bool[1]'],
    ['a number', 3, '3'],
  ])('refuse %s as an argument to differentiate by', (_name, bad, text) => {
    const fn = (tree: unknown): Tensor => (tree as [Tensor])[0].sum();
    expect(thrown(() => grad(fn)([x, { a: bad }])).message).toBe(
      `grad: expected floating-point tensors in argument 0, got ${text} at [1]['a']. Use filterGrad to leave such leaves out.`,
    );
  });

  test('take integer tensors and other values as further arguments', () => {
    const picked = grad((a: Tensor, rows: Tensor, options: { scale: number }) =>
      a.index(rows).mul(options.scale).sum(),
    )(x, tensor([2, 2], { dtype: 'int64' }), { scale: 3 });
    expect(picked.toArray()).toEqual([0, 0, 6]);
  });

  test.each([
    [
      'a vector',
      (a: Tensor): unknown => a,
      'float32[3]. Reduce it with sum() or mean(), or take a Jacobian.',
    ],
    [
      'an integer',
      (a: Tensor): unknown => a.sum().to('int64'),
      'int64[]. Return one real number as a tensor.',
    ],
    ['a number', (): unknown => 3, '3. Return one real number as a tensor.'],
    ['nothing', (): unknown => undefined, 'undefined. Return one real number as a tensor.'],
    [
      'a pair',
      (a: Tensor): unknown => [a.sum(), 1],
      'array of 2. Pass { hasAux: true } if it returns [value, aux].',
    ],
  ])('refuse a function that returns %s', (_name, fn, text) => {
    expectNothingLeft(() => {
      expect(thrown(() => grad(fn as (a: Tensor) => Tensor)(x)).message).toBe(
        `grad: expected a function that returns a real scalar tensor, got ${text}`,
      );
    });
  });

  test('refuse a function that returns no pair although it should', () => {
    expect(thrown(() => grad(((a: Tensor) => a.sum()) as never, { hasAux: true })(x)).message).toBe(
      'grad: expected a function that returns [value, aux] because of `hasAux`, got float32[].',
    );
  });

  test('take a module as the function', () => {
    const slope = grad({ forward: dot })(x, y);
    expect(slope.toArray()).toEqual([4, 5, 6]);
  });

  test('differentiate through views, indexed writes and padding as the slopes say', () => {
    const fn = (a: Tensor): Tensor => {
      const [top, bottom] = a.reshape([2, 3]).t().split(2, 0);
      const written = ops
        .cat([top!.flip([0]), bottom!], 0)
        .at(0, ':')
        .add(a.select(0, 1))
        .at(2)
        .set(a.sum());
      return written
        .expand([2, 3, 2])
        .mul(waves([2, 3, 2]))
        .square()
        .sum();
    };
    const at = waves([6]);
    const slope = Array.from({ length: 6 }, (_, i) => {
      const step = ops.zeros([6], { dtype: 'float64' }).at(i).set(1e-6);
      return (Number(fn(at.add(step))) - Number(fn(at.sub(step)))) / 2e-6;
    });
    expect(distance(numbers(grad(fn)(at)), slope)).toBeLessThan(1e-8);
  });

  test('leave the arguments as they were', () => {
    const argument = tensor([1, 2]);
    grad((a: Tensor) => a.sum())(argument);
    expect(argument.requiresGrad).toBe(false);
    expect(argument.grad).toBeNull();
    expect(argument.toArray()).toEqual([1, 2]);
  });
});

describe('filterGrad and filterValueAndGrad', () => {
  test('differentiate by the inexact tensors of the first argument and give null for every other leaf', () => {
    const model = new Scaled();
    const slopes = filterGrad((m: Scaled, value: Tensor) => m.forward(value))(model, tensor([1, 10]));
    expect(slopes).toBeInstanceOf(Scaled);
    expect(slopes.scale.toArray()).toEqual([4, 60]);
    expect([slopes.offset, slopes.counts, slopes.act]).toEqual([null, null, null]);
    expect(slopes.power).toBe(2);
  });

  test('differentiate by a module given as the function only if it is the first argument too', () => {
    const model = new Scaled();
    const slope = filterGrad(model)(tensor([1, 10]));
    expect(slope.toArray()).toEqual([4, 9]);
  });

  test('treat array-likes as Equinox does', () => {
    // equinox.filter_grad(lambda x: sum of array-likes)([True, "hi", object(), array]) -> [None, None, None, ones]
    const other = Symbol('object');
    const slopes = filterGrad((list: readonly [boolean, string, symbol, Tensor, [number, number]]) =>
      list[3].sum(),
    )([true, 'hi', other, x, [5, 1]]);
    expect(slopes.slice(0, 3)).toEqual([null, null, null]);
    expect(slopes[3].toArray()).toEqual([1, 1, 1]);
    expect(slopes[4]).toEqual([null, null]);
  });

  test('pass auxiliary results through', () => {
    const fn = (m: Scaled) => [m.scale.sum(), 'hi'] as const;
    const [slopes, aux] = filterGrad(fn, { hasAux: true })(new Scaled());
    expect([slopes.scale.toArray(), aux]).toEqual([[1, 1], 'hi']);
    const [[value, same], again] = filterValueAndGrad(fn, { hasAux: true })(new Scaled());
    expect([value.item(), same, again.scale.toArray()]).toEqual([5, 'hi', [1, 1]]);
  });

  test('refuse a first argument that is missing or has nothing to differentiate by', () => {
    const fn = (): Tensor => x.sum();
    expect(thrown(() => (filterGrad(fn as never) as () => unknown)()).message).toBe(
      'filterGrad: expected a first argument to differentiate by, got none. Pass the model first.',
    );
    expect(thrown(() => filterValueAndGrad(fn as (m: unknown) => Tensor)({ a: 1 })).message).toBe(
      'filterValueAndGrad: expected a floating-point tensor in the first argument, got object {a} without one.',
    );
    expect(thrown(() => filterGrad((i: Tensor) => i.sum())(tensor([1], { dtype: 'int32' }))).message).toBe(
      'filterGrad: expected a floating-point tensor in the first argument, got int32[1] without one.',
    );
  });

  test('nest, with other models inside', () => {
    const model = new Scaled();
    const slopes = filterGrad((m: Scaled) => {
      const inner = filterGrad((n: Scaled, k: Tensor) => n.scale.pow(3).mul(k).sum())(m, m.scale);
      return inner.scale.sum();
    })(model);
    // d/ds sum(3 s^2 * s) = 9 s^2
    expect(slopes.scale.toArray()).toEqual([36, 81]);
  });
});

test('libtorch refusals inside keep their class and leave nothing', () => {
  expectNothingLeft(() => {
    expect(() => grad((a: Tensor) => a.matmul(ops.zeros([5])))(x)).toThrow(ShapeError);
    expect(() => grad((a: Tensor) => ops.linalgInv(a.to('int64').reshape([1, 3])).sum())(x)).toThrow();
  });
});

test('a thousand gradients leave nothing but their results', () => {
  const before = liveTensors();
  for (let i = 0; i < 1000; i++) grad((a: Tensor) => a.mul(i).tanh().square().sum())(x).dispose();
  expect(memory().tensors).toBe(before);
});
