import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  allGather,
  axisIndex,
  filterJit,
  filterVmap,
  grad,
  jit,
  pmax,
  pmean,
  pmin,
  psum,
  vmap,
  type AxisName,
} from '../../lib/transform';
import { expectNothingLeft, thrown } from '../support/numeric';

const x = tensor([1, 2, 4]);
const named = { axisName: 'i' };
const reductions = { psum, pmean, pmax, pmin };
type Name = keyof typeof reductions;
const reduced: Readonly<Record<Name, number>> = { psum: 7, pmean: 7 / 3, pmax: 4, pmin: 1 };
const names = Object.keys(reductions) as Name[];

// Each of the batch weighs what it sees by another number, so that gradients tell who contributed.
const weights = tensor([1, 2, 3]);
const weigh = (value: Tensor): Tensor => value.mul(weights.index(axisIndex('i'))).sum();
// jax.vmap(jax.grad(f), axis_name='i')(x), and jax.grad(lambda x: jax.vmap(f, axis_name='i')(x).sum())(x), for psum
// and pmean; JAX has none for the others, where the one that attains the extreme has it all.
const gradients: Readonly<Record<Name, readonly number[]>> = {
  psum: [6, 6, 6],
  pmean: [2, 2, 2],
  pmax: [0, 0, 6],
  pmin: [6, 0, 0],
};

describe('psum, pmean, pmax, pmin', () => {
  test.each(names)('%s is the same for the whole batch', (name) => {
    const reduce = reductions[name];
    const all = vmap((one: Tensor) => reduce(one, 'i'), named)(x);
    expect(all.toArray()).toEqual(Array(3).fill(Math.fround(reduced[name])));
    const one = vmap((each: Tensor) => reduce(each, 'i'), { ...named, outAxes: null })(x);
    expect(one.item()).toBe(Math.fround(reduced[name]));
  });

  test.each(names)('%s has the gradient of JAX inside vmap, outside, and compiled', (name) => {
    const f = (one: Tensor): Tensor => weigh(reductions[name](one, 'i'));
    const inside = vmap(grad(f), named);
    const outside = grad((all: Tensor) => vmap(f, named)(all).sum());
    for (const derivative of [inside, outside, jit(inside), jit(outside), vmap(jit(grad(f)), named)]) {
      expect(derivative(x).toArray()).toEqual(gradients[name]);
    }
    expect(grad((all: Tensor) => vmap(jit(f), named)(all).sum())(x).toArray()).toEqual(gradients[name]);
  });

  test('leave what is not mapped along the axis as it is, but for the sum', () => {
    const result = vmap(
      (_one: Tensor) => [psum(weights, 'i'), pmean(weights, 'i'), pmax(weights, 'i'), pmin(weights, 'i')],
      { ...named, outAxes: null },
    )(x);
    expect(result.map((value) => value.toArray())).toEqual([
      [3, 6, 9],
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(vmap((one: Tensor) => one.mul(psum(1, 'i')), named)(x).toArray()).toEqual([3, 6, 12]);
    expect(vmap((one: Tensor) => one.mul(pmean(5, 'i')), named)(x).toArray()).toEqual([5, 10, 20]);
  });

  test('take trees, and give integers the dtypes of sums and means', () => {
    const result = vmap((one: Tensor) => psum({ a: one, b: [one.mul(2), 2] }, 'i'), {
      ...named,
      outAxes: null,
    })(x);
    expect([result.a.item(), (result.b as [Tensor, number]).map(Number)]).toEqual([7, [14, 6]]);
    const counts = tensor([1, 2, 4], { dtype: 'int32' });
    const [sum, mean] = vmap((one: Tensor) => [psum(one, 'i'), pmean(one, 'i')] as const, {
      ...named,
      outAxes: null,
    })(counts);
    expect([sum.dtype, sum.item(), mean.dtype, mean.item()]).toEqual([
      'int64',
      7,
      'float32',
      Math.fround(7 / 3),
    ]);
  });

  test('reduce at the level that owns the name, and pass through the others', () => {
    const rows = tensor([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    const nested = (axisName: AxisName): unknown =>
      vmap(
        vmap((one: Tensor) => psum(one, axisName), { axisName: 'b' }),
        { axisName: 'a' },
      )(rows).toArray();
    expect(nested('a')).toEqual([
      [3, 5, 7],
      [3, 5, 7],
    ]);
    expect(nested('b')).toEqual([
      [3, 3, 3],
      [12, 12, 12],
    ]);
    expect(nested(['a', 'b'])).toEqual([
      [15, 15, 15],
      [15, 15, 15],
    ]);
    expect(nested([])).toEqual(rows.toArray());
    // The inner of two axes with one name hides the outer.
    const shadowed = vmap(
      vmap((one: Tensor) => psum(one, 'a'), { axisName: 'a' }),
      { axisName: 'a' },
    );
    expect(shadowed(rows).toArray()).toEqual(nested('b'));
    // Only the outer axis is mapped: the inner, which owns the name, sees one value for its whole batch.
    const alone = vmap((one: Tensor) => vmap((_other: Tensor) => psum(one, 'b'), { axisName: 'b' })(x));
    expect(alone(x).toArray()).toEqual([
      [3, 3, 3],
      [6, 6, 6],
      [12, 12, 12],
    ]);
  });

  test('normalise a batch inside vmap over channels, grad and jit, as a loop would', () => {
    const batch = ops.arange(24, { dtype: 'float64' }).sin().reshape([4, 2, 3]);
    const stats = (channel: Tensor): Tensor[] => {
      const mean = pmean(channel.mean(), 'batch');
      return [mean, pmean(channel.square().mean(), 'batch').sub(mean.square())];
    };
    const loss = (all: Tensor): Tensor => {
      const [ys, mean] = filterVmap(
        (one: Tensor) => {
          const [mean, variance] = vmap(stats)(one) as [Tensor, Tensor];
          return [one.sub(mean.unsqueeze(1)).div(variance.add(1e-5).sqrt().unsqueeze(1)), mean] as const;
        },
        { axisName: 'batch', outAxes: [0, null] },
      )(all);
      return ys.mul(all).pow(3).sum().add(mean.sum());
    };
    const plain = (all: Tensor): Tensor => {
      const mean = all.mean([0, 2], true);
      const variance = all.square().mean([0, 2], true).sub(mean.square());
      return all.sub(mean).div(variance.add(1e-5).sqrt()).mul(all).pow(3).sum().add(mean.sum());
    };
    const expected = grad(plain)(batch);
    for (const derivative of [grad(loss), jit(grad(loss)), grad(jit(loss))]) {
      expect(derivative(batch).sub(expected).abs().max().item()).toBeLessThan(1e-12);
    }
  });
});

describe('axisIndex', () => {
  test('counts along the axis, the first name slowest', () => {
    const rows = ops.zeros([2, 3]);
    const nested = (axisName: AxisName): unknown =>
      vmap(
        vmap((_one: Tensor) => axisIndex(axisName), { axisName: 'b' }),
        { axisName: 'a' },
      )(rows).toArray();
    expect(nested(['a', 'b'])).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(nested(['b', 'a'])).toEqual([
      [0, 2, 4],
      [1, 3, 5],
    ]);
  });

  test('is an unknown value in a function that is compiled inside vmap', () => {
    const f = jit((one: Tensor) => one.mul(axisIndex('i')));
    expect(vmap(f, named)(x).toArray()).toEqual([0, 2, 8]);
    const read = jit((one: Tensor) => one.mul(axisIndex('i').item() as number));
    expect(thrown(() => vmap(read, named)(x))).toMatchObject({ code: 'ERR_CONCRETISATION' });
  });
});

describe('allGather', () => {
  test('shows the whole batch to each, at any axis', () => {
    const batch = ops.arange(24).reshape([3, 2, 4]);
    for (const axis of [0, 1, 2, -1, -2, -3]) {
      const gathered = vmap((one: Tensor) => allGather(one, 'i', { axis }), { ...named, outAxes: null })(
        batch,
      );
      expect(gathered.toArray()).toEqual(ops.stack(batch.unbind(0), axis).toArray());
    }
    for (const axis of [0, 1, -1, -2]) {
      const joined = vmap((one: Tensor) => allGather(one, 'i', { axis, tiled: true }), {
        ...named,
        outAxes: null,
      })(batch);
      expect(joined.toArray()).toEqual(ops.cat(batch.unbind(0), axis).toArray());
    }
  });

  test('gathers over two axes, the first slowest', () => {
    const rows = ops.arange(6).reshape([2, 3]);
    const all = vmap(
      vmap((one: Tensor) => allGather(one, ['a', 'b']), { axisName: 'b', outAxes: null }),
      { axisName: 'a', outAxes: null },
    )(rows);
    expect(all.toArray()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('sums in its gradient what everybody made of a value', () => {
    const f = (one: Tensor): Tensor => weigh(allGather(one, 'i'));
    const inside = vmap(grad(f), named);
    const outside = grad((all: Tensor) => vmap(f, named)(all).sum());
    // jax.vmap(jax.grad(f), axis_name='i')(x)
    for (const derivative of [inside, outside, jit(inside), jit(outside), vmap(jit(grad(f)), named)]) {
      expect(derivative(x).toArray()).toEqual([6, 6, 6]);
    }
  });
});

describe('a collective', () => {
  test('under a name that no vmap has names those that there are', () => {
    const unknown = thrown(() => vmap((one: Tensor) => psum(one, 'j'), named)(x));
    expect(unknown).toMatchObject({ code: 'ERR_TRANSFORM' });
    expect(unknown.message).toBe(
      'psum: expected the name of an axis that a vmap around it has, got "j" (bound: "i"). Pass { axisName: "j" } to vmap.',
    );
    expect(thrown(() => pmean(x, 'i')).message).toContain('(no axis has a name)');
    expect(thrown(() => jit((one: Tensor) => axisIndex('i').add(one))(x))).toMatchObject({
      code: 'ERR_TRANSFORM',
    });
  });

  test.each([
    ['a name that is no string', () => vmap((one: Tensor) => psum(one, 3 as never), named)(x)],
    ['a name twice', () => vmap((one: Tensor) => psum(one, ['i', 'i']), named)(x)],
    ['a leaf that is no tensor', () => vmap((one: Tensor) => psum([one, 'a'], 'i')[0] as Tensor, named)(x)],
    ['no name', () => vmap((_one: Tensor) => axisIndex([]), named)(x)],
    ['an axis that does not exist', () => vmap((one: Tensor) => allGather(one, 'i', { axis: 1 }), named)(x)],
    ['an axis name that is no string', () => vmap((one: Tensor) => one, { axisName: 3 as never })(x)],
    ['an empty axis name', () => vmap((one: Tensor) => one, { axisName: '' })(x)],
  ])('refuses %s', (_what, run) => {
    expect(thrown(run)).toMatchObject({ code: 'ERR_ARGUMENT' });
  });

  test('leaves no name behind, whatever is thrown', () => {
    expectNothingLeft(() => {
      expect(() =>
        vmap((one: Tensor) => {
          psum(one, 'i');
          throw new Error('stop');
        }, named)(x),
      ).toThrow('stop');
      expect(thrown(() => pmean(x, 'i')).message).toContain('(no axis has a name)');
    });
  });

  test('is compiled anew for another axis of the name', () => {
    const f = filterJit((one: Tensor) => [psum(ops.ones([]), 'i'), allGather(one, 'i')] as const);
    for (const size of [2, 3, 2]) {
      const [sums, all] = vmap(f, { ...named, outAxes: null })(ops.arange(size, { dtype: 'float32' }));
      expect([sums.item(), all.shape]).toEqual([size, [size]]);
    }
    expect(() => f(x)).toThrow('no axis has a name');
  });
});
