import { field, Module } from '../../lib/module';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import { memory } from '../../lib/tensor/memory';
import { Tensor } from '../../lib/tensor/tensor';
import { filterVmap, grad, ifArray, jit, vmap } from '../../lib/transform';
import { expectNothingLeft, liveTensors, numbers, thrown, waves } from '../support/numeric';

const matrix = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const double = (a: Tensor): Tensor => a.mul(2);

class Affine extends Module {
  static readonly fields = { name: field({ static: true }) };
  readonly w: Tensor;
  readonly act: (x: Tensor) => Tensor;
  readonly name = 'affine';
  constructor(w: Tensor) {
    super();
    this.w = w;
    this.act = ops.relu;
  }
  forward(x: Tensor): Tensor {
    return this.act(this.w.mul(x)).sum();
  }
}

describe('vmap', () => {
  test('hides the first axis of every argument and shows it in the result', () => {
    const seen: (readonly number[])[] = [];
    const result = vmap((a: Tensor, b: Tensor) => {
      seen.push(a.shape, b.shape);
      expect([a.ndim, a.size, a.dtype]).toEqual([1, 3, 'float32']);
      return a.dot(b);
    })(matrix, matrix);
    expect(seen).toEqual([[3], [3]]);
    expect(result.toArray()).toEqual([14, 77]);
  });

  test.each([0, 1, 2, -1, -2, -3])('takes the axis %d of an argument', (axis) => {
    const x = waves([2, 3, 4]);
    const size = x.shape.at(axis) ?? NaN;
    const each = Array.from({ length: size }, (_, i) => x.select(axis, i).t());
    const result = vmap((one: Tensor) => one.t(), { inAxes: axis })(x);
    expect(result.shape).toEqual([size, ...(each[0]?.shape ?? [])]);
    expect(numbers(result)).toEqual(numbers(ops.stack(each)));
  });

  test.each([0, 1, 2, -1, -2, -3])('puts the axis at %d of a result', (axis) => {
    const x = waves([2, 3, 4]);
    const result = vmap((one: Tensor) => one.mul(2), { outAxes: axis })(x);
    expect(numbers(result)).toEqual(numbers(ops.stack(x.mul(2).unbind(0), axis)));
    expect(result.shape).toEqual(ops.stack(x.unbind(0), axis).shape);
  });

  test('repeats results that do not depend on the batch, along any axis', () => {
    const constant = waves([2, 3]);
    const result = vmap((_one: Tensor) => constant, { outAxes: 1 })(ops.zeros([4]));
    expect(result.shape).toEqual([2, 4, 3]);
    expect(numbers(result)).toEqual(numbers(ops.stack([constant, constant, constant, constant], 1)));
  });

  test('makes tensors of numbers and booleans in the result', () => {
    const result = vmap((_one: Tensor): unknown => [3, true, 5n])(ops.zeros([2])) as Tensor[];
    expect(result.map((one) => [one.dtype, one.toArray()])).toEqual([
      ['float32', [3, 3]],
      ['bool', [true, true]],
      ['int64', [5, 5]],
    ]);
  });

  test('takes trees, and axes as a prefix of them', () => {
    const fn = (tree: { readonly a: readonly [Tensor, Tensor]; readonly b: Tensor }, c: Tensor) => ({
      sum: tree.a[0].add(tree.a[1]).add(tree.b),
      c,
    });
    const result = vmap(fn, { inAxes: [{ a: [0, 1], b: null }, null], outAxes: { sum: 1, c: null } })(
      { a: [matrix, matrix.t()], b: tensor([10, 20, 30]) },
      tensor(5),
    );
    expect(result.sum.toArray()).toEqual([
      [12, 18],
      [24, 30],
      [36, 42],
    ]);
    expect(result.c.item()).toBe(5);
  });

  test('takes rules in the place of axes', () => {
    const result = vmap((a: Tensor, b: { readonly w: Tensor; readonly k: number }) => a.mul(b.w).mul(b.k), {
      inAxes: [1, (leaf) => (leaf instanceof Tensor ? 0 : null)],
      outAxes: () => 1,
    })(matrix, { w: tensor([1, 10, 100]), k: 2 });
    expect(result.toArray()).toEqual([
      [2, 40, 600],
      [8, 100, 1200],
    ]);
  });

  test('takes the size from `axisSize` where nothing is mapped', () => {
    expect(vmap(() => tensor([1, 2]), { axisSize: 3 })().toArray()).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    expect(vmap((a: Tensor) => a, { inAxes: null, axisSize: 2 })(tensor(7)).toArray()).toEqual([7, 7]);
    expect(vmap((a: Tensor) => a, { inAxes: null, outAxes: null })(tensor(7)).item()).toBe(7);
  });

  test.each([0, 1])('maps a batch of %d', (size) => {
    const batch = ops.ones([size, 3]);
    expect(vmap((a: Tensor) => a.mul(2).sum())(batch).toArray()).toEqual(Array(size).fill(6));
    expect(vmap(grad((a: Tensor) => a.square().sum()))(batch).shape).toEqual([size, 3]);
    expect(vmap(jit((a: Tensor) => a.matmul(ops.ones([3, 2]))))(batch).shape).toEqual([size, 2]);
    expect(vmap(() => tensor(1), { axisSize: size })().shape).toEqual([size]);
  });

  test('nests, with different axes', () => {
    const x = waves([2, 3, 4]);
    const outer = (a: Tensor, b: Tensor): Tensor =>
      vmap((u: Tensor, v: Tensor) => u.sub(v).square().sum(), { inAxes: [0, 1] })(a, b);
    const result = vmap(outer, { inAxes: [0, null], outAxes: 1 })(x, waves([4, 3], 9));
    expect(result.shape).toEqual([3, 2]);
    const each = x.unbind(0).map((a) =>
      a
        .sub(waves([4, 3], 9).t())
        .square()
        .sum(1),
    );
    numbers(ops.stack(each, 1)).forEach((value, i) => {
      expect(numbers(result)[i]).toBeCloseTo(value, 12);
    });
  });

  test('lets a function capture tensors of the levels outside', () => {
    const result = vmap((a: Tensor) => vmap((b: Tensor) => a.mul(b))(tensor([1, 10])))(tensor([1, 2, 3]));
    expect(result.toArray()).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    const slopes = vmap((a: Tensor) => grad((b: Tensor) => a.mul(b).square())(a))(tensor([1, 2]));
    expect(slopes.toArray()).toEqual([2, 16]);
  });

  test('keeps dtypes, and maps integers and bools', () => {
    const flags = tensor([
      [true, false],
      [true, true],
    ]);
    const result = vmap(
      (a: Tensor) => [a.all(), a.to('int32').sum({ dtype: 'int32' }), a.to('float16')] as const,
    )(flags);
    expect(result.map((one) => one.dtype)).toEqual(['bool', 'int32', 'float16']);
    expect(result[0].toArray()).toEqual([false, true]);
    expect(result[1].toArray()).toEqual([1, 2]);
  });

  test('takes a tensor twice, a result that is an argument, and an argument that is not used', () => {
    const result = vmap((a: Tensor, b: Tensor, _c: Tensor) => [a, a.add(b), b] as const)(
      matrix,
      matrix,
      matrix,
    );
    expect(result[0].toArray()).toEqual(matrix.toArray());
    expect(result[1].toArray()).toEqual(matrix.mul(2).toArray());
  });

  test('returns nothing for a function that returns nothing', () => {
    expect(vmap(((_a: Tensor) => undefined) as (a: Tensor) => unknown)(matrix)).toBeUndefined();
    expect(vmap((_a: Tensor) => ({ empty: [], none: null }))(matrix)).toEqual({ empty: [], none: null });
  });

  test.each([
    [
      'sizes that differ',
      () => vmap((a: Tensor, b: Tensor) => a.add(b))(matrix, tensor([1, 2, 3])),
      'vmap: expected one size for the mapped axis, got 2 from argument [0] and 3 from argument [1] (float32[3], axis 0).',
    ],
    [
      'a size that is not axisSize',
      () => vmap(double, { axisSize: 4 })(matrix),
      'vmap: expected one size for the mapped axis, got 4 from `axisSize` and 2 from argument [0] (float32[2,3], axis 0).',
    ],
    [
      'an axis that is not there',
      () => vmap(double, { inAxes: 2 })(matrix),
      'vmap: expected a tensor with an axis 2 to map over, got float32[2,3] at argument [0].',
    ],
    [
      'a scalar',
      () => vmap((tree: { readonly s: Tensor }) => tree.s)({ s: tensor(1) }),
      "vmap: expected a tensor with an axis 0 to map over, got float32[] at argument [0]['s'].",
    ],
    [
      'a number to be mapped',
      () => vmap((a: Tensor, b: unknown) => a.mul(b as number))(matrix, 3),
      'vmap: expected a tensor to map over axis 0, got 3 at argument [1]. Give it the axis null.',
    ],
    [
      'a mapped result without an axis',
      () => vmap((a: Tensor) => ({ out: a }), { outAxes: null })(matrix),
      "vmap: expected a result that is the same for the whole batch because its out-axis is null, got a mapped float32[3] at ['out']. Give it an axis in `outAxes`.",
    ],
    [
      'a result that is no tensor with an axis',
      () => vmap((_a: Tensor): unknown => 'text')(matrix),
      'vmap: expected a tensor or number for the out-axis 0, got "text". Use ifArray(0) or null.',
    ],
    [
      'an out-axis that does not exist',
      () => vmap(double, { outAxes: 3 })(matrix),
      'vmap: expected an out-axis between -2 and 1 for float32[3], got 3.',
    ],
    [
      'no mapped argument and no axisSize',
      () => vmap(double, { inAxes: null })(matrix),
      'vmap: expected a mapped argument or `axisSize`, got neither, so the size of the mapped axis is unknown.',
    ],
    [
      'a negative axisSize',
      () => vmap(double, { axisSize: -1 })(matrix),
      'vmap: expected `axisSize` to be an integer of at least 0, got -1.',
    ],
    [
      'an axis that is no integer',
      () => vmap(double, { inAxes: 0.5 })(matrix),
      'vmap: expected `inAxes` to hold integers, nulls and rules that give these, got 0.5.',
    ],
  ])('refuses %s', (_name, body, message) => {
    expectNothingLeft(() => {
      expect(thrown(body).message).toBe(message);
    });
  });

  test('refuses axes that are no prefix of the arguments', () => {
    expect(thrown(() => vmap(double, { inAxes: [0, 0] })(matrix)).message).toMatch(/^vmap: inAxes: /);
    expect(thrown(() => vmap(double, { outAxes: { a: 0 } })(matrix)).message).toMatch(/^vmap: outAxes: /);
  });

  test('leaves nothing behind but its results', () => {
    const before = liveTensors();
    for (let i = 0; i < 500; i++) vmap((a: Tensor) => a.mul(i).exp().sum())(matrix).dispose();
    expect(memory().tensors).toBe(before);
  });
});

describe('filterVmap', () => {
  test('maps every tensor and passes everything else', () => {
    const marker = Symbol('marker');
    const result = filterVmap((a: Tensor, k: number, s: symbol, f: (x: Tensor) => Tensor) => ({
      out: f(a).mul(k),
      s,
      f,
      k,
    }))(matrix, 10, marker, ops.neg);
    expect(result.out.toArray()).toEqual(matrix.mul(-10).toArray());
    expect(result.s).toBe(marker);
    expect(result.f).toBe(ops.neg);
    expect(result.k).toBe(10);
  });

  test('never maps the module that it applies', () => {
    const model = new Affine(tensor([1, 2, 3]));
    expect(filterVmap(model)(matrix).toArray()).toEqual([14, 32]);
  });

  test('makes ensembles: a module built and applied per member', () => {
    const models = filterVmap((w: Tensor) => new Affine(w))(matrix);
    expect(models).toBeInstanceOf(Affine);
    expect(models.w.shape).toEqual([2, 3]);
    expect([models.act, models.name]).toEqual([ops.relu, 'affine']);
    const each = filterVmap((m: Affine, x: Tensor) => m.forward(x), { inAxes: [ifArray(0), null] });
    expect(each(models, tensor([1, 1, 1])).toArray()).toEqual([6, 15]);
    expect(filterVmap((m: Affine, x: Tensor) => m.forward(x))(models, matrix).toArray()).toEqual([14, 77]);
  });

  test("gives Equinox's results for its own examples", () => {
    // equinox/test_vmap: in_axes=(fn, [{"a": None}], 0, if_array(0)) on ([1], [{"a": [2]}], [3], 4) -> [[10]]
    const axes = [() => 0, [{ a: null }], 0, ifArray(0)] as const;
    const sum = filterVmap(
      (a: Tensor, [{ a: b }]: readonly [{ readonly a: Tensor }], c: Tensor, d: number) =>
        a.add(b).add(c).add(d),
      { inAxes: axes },
    );
    expect(sum(tensor([1]), [{ a: tensor([2]) }], tensor([3]), 4).toArray()).toEqual([[10]]);
    // f = identity, axis_size=5, out_axes=0 on 1 -> [1, 1, 1, 1, 1]
    const repeat = filterVmap((a: unknown) => a, { axisSize: 5, outAxes: 0, inAxes: null });
    expect((repeat(1) as Tensor).toArray()).toEqual([1, 1, 1, 1, 1]);
    // out_axes=None passes it
    expect(filterVmap((a: unknown) => a, { axisSize: 5, outAxes: null, inAxes: null })(1)).toBe(1);
  });

  test('runs as it is where nothing is mapped, but cannot map tensors then', () => {
    expect(filterVmap((a: number) => a + 1)(2)).toBe(3);
    expect(thrown(() => filterVmap((a: number) => tensor(a))(2)).message).toBe(
      'filterVmap: expected a mapped argument or `axisSize`, got neither, so the size of the mapped axis is unknown.',
    );
  });
});
