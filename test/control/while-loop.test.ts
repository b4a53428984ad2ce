import fc from 'fast-check';
import { whileLoop, type WhileLoopOptions } from '../../lib/control';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { distance, expectNothingLeft, numbers, thrown, waves } from '../support/numeric';

type State = readonly [step: Tensor, x: Tensor];

const checkpointed: WhileLoopOptions = { kind: 'checkpointed', maxSteps: 40 };
const bounded: WhileLoopOptions = { kind: 'bounded', maxSteps: 40, base: 4 };
const reverse = [checkpointed, bounded, { kind: 'checkpointed', checkpoints: 3 } as const];

/** So many steps of a map that captures a weight. */
function iterate(count: number | Tensor, w: Tensor, x: Tensor, options: WhileLoopOptions): Tensor {
  return whileLoop(
    ([step]: State) => step.lt(count as Tensor),
    ([step, y]: State): State => [step.add(1), y.mul(w).sin()],
    [tensor(0, { dtype: 'int64' }), x],
    options,
  )[1];
}

function unrolled(count: number, w: Tensor, x: Tensor): Tensor {
  for (let step = 0; step < count; step++) x = x.mul(w).sin();
  return x;
}

describe('whileLoop', () => {
  const w = waves([3], 30);
  const x = waves([3]);

  test('equals the loop, for every kind, alone and compiled', () => {
    for (const options of [{}, ...reverse]) {
      const f = (n: Tensor, a: Tensor): Tensor => iterate(n, w, a, options);
      const jitted = jit(f);
      for (const count of [0, 1, 2, 7, 17]) {
        const expected = numbers(unrolled(count, w, x));
        const n = tensor(count, { dtype: 'int64' });
        expect(distance(numbers(f(n, x)), expected)).toBeLessThan(1e-14);
        expect(distance(numbers(jitted(n, x)), expected)).toBeLessThan(1e-14);
      }
      expect(jitted.lower(tensor(1, { dtype: 'int64' }), x).graph).toContain('prim::Loop');
    }
  });

  test('ends after maxSteps', () => {
    for (const kind of ['lax', 'checkpointed', 'bounded'] as const) {
      for (const maxSteps of [0, 1, 3, 4, 5]) {
        const f = (a: Tensor): Tensor => iterate(1000, w, a, { kind, maxSteps, base: 2 });
        const expected = numbers(unrolled(maxSteps, w, x));
        expect(distance(numbers(f(x)), expected)).toBeLessThan(1e-14);
        expect(distance(numbers(jit(f)(x)), expected)).toBeLessThan(1e-14);
      }
    }
  });

  test('has the gradient of the loop, also of what the body captures, alone and compiled', () => {
    for (const options of reverse) {
      for (const count of [0, 1, 5, 20]) {
        const f = (v: Tensor, a: Tensor): Tensor => iterate(count, v, a, options).square().sum();
        const expected = numbers(
          grad((v: Tensor, a: Tensor) => unrolled(count, v, a).square().sum(), { argnums: [0, 1] })(w, x),
        );
        const argnums = { argnums: [0, 1] };
        for (const g of [grad(f, argnums), jit(grad(f, argnums)), grad(jit(f), argnums)]) {
          expect(distance(numbers(g(w, x)), expected)).toBeLessThan(1e-13);
        }
      }
    }
  });

  test('goes on for each element of a batch as long as that one needs', () => {
    const counts = tensor([0, 3, 1, 6], { dtype: 'int64' });
    const batch = waves([4, 3], 5);
    const rows = [0, 3, 1, 6].map((n, i) => numbers(unrolled(n, w, batch.index(i))));
    const slopes = [0, 3, 1, 6].map((n, i) =>
      numbers(grad((a: Tensor) => unrolled(n, w, a).sum())(batch.index(i))),
    );
    const weights = [0, 3, 1, 6].map((n, i) =>
      numbers(grad((v: Tensor) => unrolled(n, v, batch.index(i)).sum())(w)),
    );
    const total = [0, 1, 2].map((k) => weights.reduce((sum, row) => sum + row[k]!, 0));
    for (const options of [{}, ...reverse]) {
      const f = (n: Tensor, a: Tensor): Tensor => iterate(n, w, a, options);
      for (const g of [vmap(f), jit(vmap(f)), vmap(jit(f))]) {
        expect(distance(numbers(g(counts, batch)), rows.flat())).toBeLessThan(1e-14);
      }
      if (options.kind === undefined) continue;
      const h = grad((a: Tensor, n: Tensor) => f(n, a).sum());
      for (const g of [vmap(h), jit(vmap(h))]) {
        expect(distance(numbers(g(batch, counts)), slopes.flat())).toBeLessThan(1e-13);
      }
      const one = grad((v: Tensor, n: Tensor, a: Tensor) => iterate(n, v, a, options).sum());
      const each = vmap(one, { inAxes: [null, 0, 0] });
      expect(distance(numbers(each(w, counts, batch)), weights.flat())).toBeLessThan(1e-13);
      const all = grad((v: Tensor) =>
        vmap((n: Tensor, a: Tensor) => iterate(n, v, a, options))(counts, batch).sum(),
      );
      for (const g of [all, jit(all)]) expect(distance(numbers(g(w)), total)).toBeLessThan(1e-13);
    }
  });

  test('keeps what finished elements would have become out of gradients', () => {
    // A step more divides by zero.
    for (const options of reverse) {
      const f = (limit: Tensor, a: Tensor): Tensor =>
        whileLoop(
          ([step]: State) => step.lt(limit),
          ([step, y]: State): State => [
            step.add(1),
            y.mul(step.sub(2).to('float64').reciprocal()).sqrt().add(y),
          ],
          [tensor(0, { dtype: 'int64' }), a],
          options,
        )[1];
      const limits = tensor([0, 0], { dtype: 'int64' });
      const g = vmap(grad((a: Tensor, n: Tensor) => f(n, a)));
      expect(numbers(g(tensor([1, 2], { dtype: 'float64' }), limits))).toEqual([1, 1]);
      const mixed = tensor([0, 1], { dtype: 'int64' });
      const [first] = numbers(g(tensor([1, -2], { dtype: 'float64' }), mixed));
      expect(first).toBe(1);
    }
  });

  test("of kind 'lax' refuses to be differentiated backward, but not to stand beside what is", () => {
    const f = (a: Tensor): Tensor => iterate(3, w, a, {}).sum();
    for (const g of [grad(f), jit(grad(f)), grad(jit(f))]) {
      const error = thrown(() => g(x)) as Error & { code: string };
      expect([error.code, error.message]).toEqual([
        'ERR_TRANSFORM',
        expect.stringMatching(/whileLoop: .*'lax'.*'checkpointed'/),
      ]);
    }
    const beside = grad((a: Tensor) => [a.square().sum(), iterate(3, w, a, {})] as const, { hasAux: true });
    expect(numbers(beside(x)[0])).toEqual(numbers(x.mul(2)));
  });

  test("of kind 'bounded' has second derivatives; of kind 'checkpointed' it says that it has none", () => {
    const second = (options: WhileLoopOptions): ((a: Tensor) => Tensor) =>
      grad((a: Tensor) =>
        grad((b: Tensor) => iterate(5, w, b, options).sum())(a)
          .square()
          .sum(),
      );
    const expected = numbers(
      grad((a: Tensor) =>
        grad((b: Tensor) => unrolled(5, w, b).sum())(a)
          .square()
          .sum(),
      )(x),
    );
    expect(distance(numbers(second(bounded)(x)), expected)).toBeLessThan(1e-12);
    expect(distance(numbers(jit(second(bounded))(x)), expected)).toBeLessThan(1e-12);
    expect(thrown(() => second(checkpointed)(x)).message).toMatch(/whileLoop: .*'bounded'/);
  });

  test('matches the loop for any numbers of checkpoints and steps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 30 }), (checkpoints, count) => {
        const f = (v: Tensor): Tensor => iterate(count, v, x, { kind: 'checkpointed', checkpoints }).sum();
        const expected = numbers(grad((v: Tensor) => unrolled(count, v, x).sum())(w));
        expect(distance(numbers(grad(f)(w)), expected)).toBeLessThan(1e-13);
      }),
      { numRuns: 12 },
    );
  });

  test('has a graph that does not grow with maxSteps', () => {
    const lines = [10, 10_000].map(
      (maxSteps) =>
        jit(grad((a: Tensor) => iterate(4, w, a, { kind: 'checkpointed', maxSteps }).sum()))
          .lower(x)
          .graph.split('\n').length,
    );
    expect(lines[0]).toBe(lines[1]);
  });

  test('leaves nothing behind', () => {
    expectNothingLeft(() => {
      iterate(3, w, x, {});
      grad((a: Tensor) => iterate(3, w, a, checkpointed).sum())(x);
      thrown(() => grad((a: Tensor) => iterate(3, w, a, {}).sum())(x));
    }, 5);
  });

  test('refuses what is no loop', () => {
    const error = (options: unknown, body?: unknown, condition?: unknown): string => {
      const found = thrown(() =>
        whileLoop(
          (condition ?? ((a: Tensor) => a.sum().lt(0))) as (a: Tensor) => Tensor,
          (body ?? ((a: Tensor) => a)) as (a: Tensor) => Tensor,
          x,
          options as WhileLoopOptions,
        ),
      ) as Error & { code: string };
      return `${found.code} ${found.message}`;
    };
    expect(error({ kind: 'other' })).toMatch(/^ERR_ARGUMENT .*lax, checkpointed, bounded/);
    expect(error({ kind: 'checkpointed' })).toMatch(/^ERR_ARGUMENT .*maxSteps/);
    expect(error({ kind: 'bounded' })).toMatch(/^ERR_ARGUMENT .*maxSteps/);
    expect(error({ maxSteps: 1.5 })).toMatch(/^ERR_ARGUMENT/);
    expect(error({ kind: 'checkpointed', checkpoints: 0 })).toMatch(/^ERR_ARGUMENT/);
    expect(error({}, (a: Tensor) => a.sum())).toMatch(/^ERR_TRANSFORM .*float64\[3\], got float64\[\]/);
    expect(error({ kind: 'bounded', maxSteps: 3 }, (a: Tensor) => a.sum())).toMatch(/^ERR_TRANSFORM/);
    expect(error({}, undefined, (a: Tensor) => a)).toMatch(/^ERR_TRANSFORM .*truth value/);
    expect(error({}, undefined, () => 1)).toMatch(/^ERR_TRANSFORM .*truth value/);
    expect(error({}, async (a: Tensor) => Promise.resolve(a))).toMatch(/^ERR_TRANSFORM .*Promise/);
  });
});
