import fc from 'fast-check';
import { grad, jit, ops, random, tidy, vmap, type Tensor } from 'equinode';
import { callNamed } from '../../lib/ops/call';
import { distance } from '../support/numeric';

/** One move of a chain, or what reads the chain at that point. */
interface Step {
  readonly kind: number;
  readonly choice: number;
}

/** All ways to write a number of elements as two or three axes. */
const shapesOf = (count: number): number[][] => {
  const shapes: number[][] = [[count]];
  for (let a = 1; a <= count; ++a) {
    if (count % a !== 0) continue;
    shapes.push([a, count / a]);
    for (let b = 2; b <= count / a; b += 3) if ((count / a) % b === 0) shapes.push([a, b, count / a / b]);
  }
  return shapes;
};

const pick = <T>(from: readonly T[], choice: number): T => from[choice % from.length]!;

const axesOf = (rank: number, choice: number): number[] => {
  const left = Array.from({ length: rank }, (_, i) => i);
  return Array.from({ length: rank }, (_, i) => left.splice((choice >> i) % left.length, 1)[0]!);
};

const moves: readonly ((x: Tensor, choice: number) => Tensor)[] = [
  (x, choice) => x.reshape(pick(shapesOf(x.size), choice)),
  (x, choice) => x.permute(axesOf(x.ndim, choice)),
  (x) => x.transpose(0, -1),
  (x) => x.contiguous(),
  (x) => x.clone(),
  (x, choice) => x.unsqueeze(choice % (x.ndim + 1)),
  (x) => x.squeeze(),
  (x) => x.contiguous().view([-1]),
  (x) => x.mul(1.5),
  // What reads a chain, most of it joined to the chain that goes on.
  (x) => x.add(x.reshape([x.size]).cumsum(0).mul(0.01).reshape(x.shape)),
  (x) => (x.ndim === 2 ? x.add(x.matmul(x.t()).matmul(x).mul(0.01)) : x),
  (x) => (x.ndim === 3 ? x.add(x.bmm(x.transpose(1, 2)).bmm(x).mul(0.01)) : x),
  (x) => (x.ndim > 0 ? x.softmax(-1).add(x) : x),
  (x) => (x.ndim > 0 ? ops.layerNorm(x, [x.shape.at(-1)!]) : x),
  (x) => (x.ndim > 1 ? x.sub(x.mean(0, { keepdim: true })) : x),
  (x) => (x.ndim > 0 ? ops.cat([x.narrow(0, 0, 1), x.narrow(0, 1, x.shape[0]! - 1)]) : x),
];

const chain = fc.array(fc.record({ kind: fc.nat(moves.length - 1), choice: fc.nat(1000) }), {
  minLength: 1,
  maxLength: 14,
});

/** Applies the steps; every second value is a result. */
const apply = (steps: readonly Step[], x: Tensor): Tensor[] => {
  const values = [x];
  for (const { kind, choice } of steps) values.push(moves[kind]!(values.at(-1)!, choice));
  return values.filter((_, i) => i % 2 === 1 || i === values.length - 1);
};

const x = random.normal(random.key(0), [4, 6, 5], { dtype: 'float64' });

const expectSame = (one: readonly Tensor[], other: readonly Tensor[]): void => {
  expect(one.map((value) => value.shape)).toEqual(other.map((value) => value.shape));
  one.forEach((value, i) => {
    expect(
      distance(value.reshape([-1]).toArray() as number[], other[i]!.reshape([-1]).toArray() as number[]),
    ).toBeLessThan(1e-9);
  });
};

describe('chains of views, permutations and copies', () => {
  test('give what they give one by one, whatever reads them', () => {
    fc.assert(
      fc.property(chain, (steps) => {
        tidy(() => {
          const fn = (a: Tensor) => apply(steps, a);
          expectSame(jit(fn)(x), fn(x));
        });
      }),
      { numRuns: 200 },
    );
  });

  test('give the same gradients, mapped or not', () => {
    fc.assert(
      fc.property(chain, (steps) => {
        tidy(() => {
          const loss = (a: Tensor) =>
            apply(steps, a).reduce((sum, value) => sum.add(value.sin().sum()), a.sum());
          expectSame([jit(grad(loss))(x)], [grad(loss)(x)]);
          expectSame([jit(vmap(grad(loss)))(x)], [vmap(grad(loss))(x)]);
        });
      }),
      { numRuns: 100 },
    );
  });

  test.each<readonly [string, (a: Tensor) => Tensor]>([
    ['a copy', (a) => a.clone()],
    ['a view of a copy', (a) => a.clone().view([24, 5])],
    ['a part of a copy', (a) => a.clone().select(0, 1)],
    ['a copy of a permutation', (a) => a.permute([2, 1, 0]).contiguous()],
  ])('leave %s a memory of its own', (_name, fn) => {
    const own = x.clone();
    const result = jit(fn)(own);
    const before = result.toArray();
    callNamed('aten::fill_.Scalar', own, 7);
    expect(result.toArray()).toEqual(before);
  });

  test('give what depends on constants alone a memory of its own in each run', () => {
    const f = jit((a: Tensor) => [
      ops.ones([2, 3]).mul(2).view([6]),
      ops.zeros([4]).add(1).select(0, 1),
      a.mul(1),
    ]);
    for (let run = 0; run < 3; run++) {
      const [viewed, selected] = f(x) as [Tensor, Tensor];
      expect([viewed.toArray(), selected.item()]).toEqual([[2, 2, 2, 2, 2, 2], 1]);
      callNamed('aten::fill_.Scalar', viewed, 7);
      callNamed('aten::fill_.Scalar', selected, 7);
    }
  });

  test('vanish where they cancel', () => {
    const there = jit((a: Tensor) =>
      a.permute([1, 2, 0]).contiguous().view([30, 4]).t().contiguous().view([4, 6, 5]).mul(2),
    );
    expect(there(x).toArray()).toEqual(x.mul(2).toArray());
  });
});
