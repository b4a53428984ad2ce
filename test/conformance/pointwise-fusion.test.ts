import fc from 'fast-check';
import { filterGrad, filterJit, ops, random, tensor, where, type Tensor } from 'equinode';

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
  // Not pointwise, so that groups end there.
  (a) => a.tanh(),
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
      { numRuns: 60, seed: 7 },
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

  it('take inputs whose elements do not lie in order', () => {
    const f = filterJit((a: Tensor, b: Tensor) => a.mul(b).add(a).relu());
    expect(f(x.t(), y.t()).toArray()).toEqual(f(x.t().contiguous(), y.t().contiguous()).toArray());
  });
});
