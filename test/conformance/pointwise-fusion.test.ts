import fc from 'fast-check';
import { filterGrad, filterJit, gelu, ops, random, silu, tensor, where, type Tensor } from 'equinode';

/** One step of a generated function: an operator on values made before. */
interface Step {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
  readonly number: number;
}

const kinds: readonly ((a: Tensor, b: Tensor, number: number) => Tensor)[] = [
  (a, b) => a.add(b),
  (a, b, number) => a.add(b, { alpha: number }),
  (a, b, number) => a.sub(b, { alpha: number }),
  (a, b) => a.mul(b),
  (a, b) => a.div(b.abs().add(0.5)),
  (a, _b, number) => a.mul(number),
  (a, _b, number) => a.add(number),
  (a, _b, number) => a.rsub(number),
  (a) => a.neg(),
  (a) => a.abs().sqrt(),
  (a) => a.square(),
  (a) => a.abs().add(1).reciprocal(),
  (a) => a.relu(),
  (a, b, number) => a.lerp(b, number / 2),
  (a, b, number) => a.addcmul(a, b, { value: number }),
  (a, b, number) => ops.addcdiv(a, b, b.abs().add(1), { value: number }),
  (a) => a.tanh(),
  (a) => a.sigmoid(),
  (a) => a.neg().exp(),
  (a) => silu(a),
  (a) => gelu(a, { approximate: 'tanh' }),
  (a, b) => a.maximum(b),
  (a, b) => a.minimum(b),
  (a, _b, number) => a.clampMin(number),
  (a, _b, number) => a.clampMax(number),
  (a) => a.pow(3),
  (a) => a.abs().add(1).rsqrt(),
  // Operands of other sizes and strides.
  (a, b) => a.add(b.index(0)),
  (a, b) => a.mul(b.narrow(1, 3, 1)),
  (a, b) => a.sub(ops.cat([b, b], 1).narrow(1, 20, 41)),
  (a, b) => a.add(b.t().narrow(0, 2, 37).t().sum(1, { keepdim: true }).mul(0.01)),
  (a, b) => a.mul(ops.cat([b.t(), b.t()], 1).t().narrow(0, 10, 37)),
  // Not pointwise, so that groups end there.
  (a) => a.sin(),
  (a, b) => a.add(b.mean()),
  (a, b) => a.add(b.sum(0, { keepdim: true }).mul(0.01)),
  (a) => a.t().contiguous().t(),
  (a, b) => where(a.gt(0), a, b),
];

const stepOf = fc.record({
  kind: fc.nat(kinds.length - 1),
  a: fc.nat(1000),
  b: fc.nat(1000),
  number: fc.double({ min: -1.9, max: 1.9, noNaN: true }),
});

/** Applies the steps; every third value is a result, so that groups have several outputs. */
function apply(steps: readonly Step[], x: Tensor, y: Tensor, scalar: Tensor): Tensor[] {
  const values = [x, y, x.mul(scalar)];
  for (const { kind, a, b, number } of steps) {
    const value = kinds[kind]!(values[a % values.length]!, values[b % values.length]!, number);
    // Keeps the numbers small, so that a bound on the difference means something.
    values.push(value.mul(0.3));
  }
  return values.filter((_, i) => i % 3 === 2 || i === values.length - 1);
}

/** The largest difference between two lists of tensors, relative to their largest value or 1. */
function difference(one: readonly Tensor[], other: readonly Tensor[]): number {
  return Math.max(
    ...one.map((value, i) => {
      const expected = other[i]!;
      return Number(value.sub(expected).abs().max()) / Math.max(1, Number(expected.abs().max()));
    }),
  );
}

const x = random.normal(random.key(0), [37, 41]);
const y = random.normal(random.key(1), [37, 41]);
const scalar = tensor(0.37);

describe('fused pointwise operators', () => {
  it('give what the operators give one by one, whatever the function', () => {
    fc.assert(
      fc.property(fc.array(stepOf, { minLength: 1, maxLength: 25 }), (steps) => {
        const f = (a: Tensor, b: Tensor, c: Tensor) => apply(steps, a, b, c);
        expect(difference(filterJit(f)(x, y, scalar), f(x, y, scalar))).toBeLessThan(5e-6);
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it('give the same gradients', () => {
    fc.assert(
      fc.property(fc.array(stepOf, { minLength: 1, maxLength: 10 }), (steps) => {
        // Square roots at 0 have no gradient; away from it everything is smooth enough.
        const smooth = steps.filter(({ kind }) => kind !== 9);
        const loss = (a: Tensor) =>
          apply(smooth, a, y, scalar).reduce((sum, value) => sum.add(value.mean()), tensor(0));
        const gradient = filterGrad(loss);
        expect(difference([filterJit(gradient)(x)], [gradient(x)])).toBeLessThan(5e-6);
      }),
      { numRuns: 30, seed: 7 },
    );
  });

  it('round as the operators do, to two parts in 10^6', () => {
    const update = (p: Tensor, g: Tensor, m: Tensor, v: Tensor) => {
      const mean = m.lerp(g, 0.1);
      const square = v.mul(0.999).addcmul(g, g, { value: 0.001 });
      const step = mean.div(square.sqrt().add(1e-8));
      return [p.sub(step.add(p, { alpha: 1e-4 }).mul(1e-3)), mean, square] as const;
    };
    const p = random.normal(random.key(2), [300, 1000]);
    const g = random.normal(random.key(3), [300, 1000]);
    const args = [p, g, p.mul(0.1), g.square()] as const;
    const eager = update(...args);
    filterJit(update)(...args).forEach((value, i) => {
      const relative = value.sub(eager[i]!).abs().div(eager[i]!.abs().add(1e-3)).max();
      expect(Number(relative)).toBeLessThan(2e-6);
    });
  });

  it('keep NaN and infinity', () => {
    const odd = tensor([NaN, Infinity, -Infinity, -0, 0, 1]);
    const f = (a: Tensor) => [a.relu().add(0), a.neg().abs().mul(2), a.mul(0).add(1), a.abs().sqrt().neg()];
    const compiled = filterJit(f)(odd).map((value) => value.toArray());
    expect(compiled).toEqual(f(odd).map((value) => value.toArray()));
  });

  it('take exponentials and hyperbolic tangents to two units in the last place, at the ends too', () => {
    const range = ops.linspace(-110, 100, 100_001);
    const odd = tensor([
      NaN,
      Infinity,
      -Infinity,
      0,
      -0,
      1e-30,
      -1e-30,
      1e-40,
      88.72,
      88.73,
      -87.4,
      -103.9,
      -104,
      3e38,
    ]);
    // Below the normal numbers libtorch's sigmoid is 0 too.
    const units = (value: Tensor, exact: Tensor) =>
      Number(
        value
          .to('float64')
          .sub(exact)
          .abs()
          .div(
            exact
              .abs()
              .mul(2 ** -23)
              .clampMin(1e-38),
          )
          .nanToNum(0)
          .max(),
      );
    const fns = [(a: Tensor) => a.exp(), (a: Tensor) => a.tanh(), (a: Tensor) => a.sigmoid()];
    for (const fn of fns) {
      const compiled = filterJit((a: Tensor) => fn(a.mul(1)));
      for (const a of [range, range.div(100), odd]) {
        expect(units(compiled(a), fn(a.to('float64')).to('float32').to('float64'))).toBeLessThan(2.5);
      }
      expect(compiled(odd).isnan().toArray()).toEqual(fn(odd).isnan().toArray());
      expect(compiled(odd).isinf().toArray()).toEqual(fn(odd).isinf().toArray());
      expect(compiled(odd).signbit().toArray()).toEqual(fn(odd).signbit().toArray());
    }
  });

  it('read rows of any length, on any number of axes', () => {
    for (const shape of [[1], [3, 1, 5], [2, 3, 700], [600, 3], [4, 2, 40], [5, 1, 1], [1, 1]]) {
      const a = random.normal(random.key(1), shape);
      const last = random.normal(random.key(2), shape.slice(-1));
      const first = random.normal(random.key(3), [shape[0]!, ...shape.slice(1).map(() => 1)]);
      const turned = random
        .normal(random.key(4), [...shape].reverse())
        .permute(shape.map((_, i) => shape.length - 1 - i));
      const f = (a: Tensor, last: Tensor, first: Tensor, turned: Tensor) =>
        a
          .mul(last)
          .add(first)
          .sub(turned.narrow(0, 0, shape[0]!))
          .tanh();
      expect(difference([filterJit(f)(a, last, first, turned)], [f(a, last, first, turned)])).toBeLessThan(
        1e-6,
      );
    }
  });

  it('know numbers that are expanded, also where nothing else has the shape', () => {
    const f = (a: Tensor) => [
      a.add(ops.ones([]).expand([3])).mul(2),
      a.mul(ops.onesLike(a)).add(1),
      ops.ones([2, 1]).add(1).mul(a),
      ops
        .zeros([1])
        .add(a)
        .neg()
        .sub(ops.full([1], 2)),
    ];
    for (const a of [tensor(0.5), tensor([1, 2, 3])]) {
      expect(filterJit(f)(a).map((value) => value.toArray())).toEqual(f(a).map((value) => value.toArray()));
    }
  });

  it('take inputs whose elements do not lie in order', () => {
    const f = filterJit((a: Tensor, b: Tensor) => a.mul(b).add(a).relu());
    expect(f(x.t(), y.t()).toArray()).toEqual(f(x.t().contiguous(), y.t().contiguous()).toArray());
  });
});
