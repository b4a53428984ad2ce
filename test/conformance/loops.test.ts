import fc from 'fast-check';
import { grad, jit, ops, random, scan, tidy, vmap, type Tensor } from 'equinode';
import { distance } from '../support/numeric';

/** Weights, a sequence and a state to begin with, in float64. */
const size = 3;
const make = (seed: number, shape: number[]): Tensor =>
  random.normal(random.key(seed), shape, { dtype: 'float64' }).mul(0.5);
const weights = {
  input: make(0, [size, size]),
  state: make(1, [size, size]),
  bias: make(2, [size]),
};
type Weights = typeof weights;
const sequence = make(3, [6, size]);
const start = make(4, [size]);

type Step = (w: Weights, state: Tensor, x: Tensor) => Tensor;

/** What a step may do with its state and its input. */
const parts: readonly Step[] = [
  (w, state, x) => w.input.matmul(x).add(w.state.matmul(state)).add(w.bias).tanh(),
  (w, state, x) => x.matmul(w.input).sigmoid().mul(state),
  (w, state) => w.state.t().matmul(state).sin(),
  (w, state, x) => ops.outer(x, state).matmul(w.bias),
  (w, state, x) => state.add(w.bias.mul(x)),
  (w, _state, x) =>
    w.input
      .matmul(x)
      .sin()
      .add(w.input.matmul(x.mul(2))),
  (w, state, x) => ops.cat([w.input.matmul(x), state.narrow(0, 0, 1)]).narrow(0, 1, size),
];

const flat = (value: Tensor): number[] => value.reshape([-1]).toArray() as number[];

const losses = (chosen: readonly number[], reverse: boolean) => {
  const step: Step = (w, state, x) =>
    chosen.reduce((value, part) => value.add(parts[part]!(w, value, x)).mul(0.7), state);
  const byScan = (w: Weights, x: Tensor, s: Tensor): Tensor => {
    const [last, all] = scan(
      (state: Tensor, x: Tensor) => {
        const next = step(w, state, x);
        return [next, next.square()];
      },
      s,
      x,
      { reverse },
    );
    return last.sum().add(all.cos().mean());
  };
  const byLoop = (w: Weights, x: Tensor, s: Tensor): Tensor => {
    const inputs = reverse ? x.unbind(0).reverse() : x.unbind(0);
    const states: Tensor[] = [];
    for (const input of inputs) states.push(step(w, states.at(-1) ?? s, input));
    return states.at(-1)!.sum().add(ops.stack(states).square().cos().mean());
  };
  return { byScan, byLoop };
};

const chosen = fc.array(fc.nat(parts.length - 1), { minLength: 1, maxLength: 3 });

describe('products in loops', () => {
  test('give the results and gradients of a loop in JavaScript, mapped or not', () => {
    fc.assert(
      fc.property(chosen, fc.boolean(), (parts, reverse) => {
        tidy(() => {
          const { byScan, byLoop } = losses(parts, reverse);
          const all = { argnums: [0, 1, 2] } as const;
          const expected = grad(byLoop, all)(weights, sequence, start) as [Weights, Tensor, Tensor];
          const given = jit(grad(byScan, all) as typeof byLoop)(
            weights,
            sequence,
            start,
          ) as unknown as typeof expected;
          const numbers = ([w, x, s]: typeof expected) => [...[w.input, w.state, w.bias, x, s].flatMap(flat)];
          expect(distance(numbers(given), numbers(expected))).toBeLessThan(1e-10);
          const batch = ops.stack([sequence, sequence.mul(0.5), sequence.neg()]);
          const mean = (loss: typeof byLoop) => (w: Weights, x: Tensor) =>
            vmap((one: Tensor) => loss(w, one, start))(x).mean();
          const slope = grad(mean(byLoop))(weights, batch);
          const mapped = jit(grad(mean(byScan)))(weights, batch);
          const three = (w: Weights) => [w.input, w.state, w.bias].flatMap(flat);
          expect(distance(three(mapped), three(slope))).toBeLessThan(1e-10);
          expect(
            distance(flat(jit(byScan)(weights, sequence, start)), flat(byLoop(weights, sequence, start))),
          ).toBeLessThan(1e-10);
        });
      }),
      { numRuns: 60 },
    );
  });

  test('leave sums that are carried in another precision as they are', () => {
    const rows = random.normal(random.key(7), [50, 2, 3]);
    const total = (xs: Tensor): Tensor =>
      scan(
        (sum: Tensor, x: Tensor): [Tensor, null] => [sum.add(x.t().matmul(x)), null],
        ops.zeros([3, 3], { dtype: 'float64' }),
        xs,
      )[0];
    const found = jit(total)(rows);
    expect(found.dtype).toBe('float64');
    const expected = rows
      .unbind(0)
      .reduce((sum, x) => sum.add(x.t().matmul(x)), ops.zeros([3, 3], { dtype: 'float64' }));
    expect(distance(flat(found), flat(expected))).toBeLessThan(1e-12);
    const counted = jit(
      (xs: Tensor) =>
        scan(
          (sum: Tensor, x: Tensor): [Tensor, null] => [sum.add(x.sum(0)), null],
          ops.zeros([3], { dtype: 'int64' }),
          xs,
        )[0],
    )(rows.gt(0));
    expect(counted.dtype).toBe('int64');
    expect(counted.toArray()).toEqual(rows.gt(0).sum([0, 1]).toArray());
  });

  test('leave loops inside loops as they are', () => {
    const nested = (w: Tensor, xs: Tensor): Tensor => {
      const inner = (s: Tensor, x: Tensor): [Tensor, Tensor] => {
        const next = w.matmul(s).add(w.matmul(x)).tanh();
        return [next, next];
      };
      const outer = (s: Tensor, x: Tensor): [Tensor, Tensor] => {
        const [last, all] = scan(inner, s, x);
        return [last, all.sum(0)];
      };
      const [last, all] = scan(outer, start, xs);
      return last.sum().add(all.square().sum());
    };
    const xs = make(5, [4, 5, size]);
    expect(
      distance(flat(jit(grad(nested))(weights.state, xs)), flat(grad(nested)(weights.state, xs))),
    ).toBeLessThan(1e-10);
  });
});
