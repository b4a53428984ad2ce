import fc from 'fast-check';
import { autograd } from '../../lib';
import { scan } from '../../lib/control';
import { stack, zeros } from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import { memory } from '../../lib/tensor/memory';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { counted } from '../support/counted';
import { useFolder } from '../support/folder';
import { testWithPython } from '../support/python';
import { distance, expectNothingLeft, numbers, thrown, waves } from '../support/numeric';

const inFolder = useFolder();

type Step = (h: Tensor, x: Tensor) => [Tensor, Tensor];

const w = waves([3, 3], 40);

/** A recurrent step that captures a weight. */
const cell: Step = (h, x) => {
  const next = h.matmul(w).add(x).tanh();
  return [next, next.mul(x)];
};

function unrolled(f: Step, h: Tensor, xs: Tensor, reverse = false): [Tensor, Tensor] {
  const slices = [...xs];
  const ys: Tensor[] = [];
  for (const x of reverse ? slices.reverse() : slices) {
    const [next, y] = f(h, x);
    h = next;
    ys.push(y);
  }
  return [h, stack(reverse ? ys.reverse() : ys)];
}

const loss = ([h, ys]: readonly [Tensor, Tensor]): Tensor => h.square().sum().add(ys.sin().sum());

describe('scan', () => {
  const h0 = waves([3], 20);
  const xs = waves([5, 3]);

  test('equals the loop, alone and compiled, forwards and in reverse', () => {
    for (const reverse of [false, true]) {
      const expected = numbers(unrolled(cell, h0, xs, reverse));
      const run = (h: Tensor, x: Tensor): [Tensor, Tensor] => scan(cell, h, x, { reverse });
      expect(distance(numbers(run(h0, xs)), expected)).toBeLessThan(1e-14);
      expect(distance(numbers(jit(run)(h0, xs)), expected)).toBeLessThan(1e-14);
    }
  });

  test('has the gradient of the loop, alone and compiled, also of what it captures', () => {
    for (const reverse of [false, true]) {
      const of =
        (run: (f: Step, h: Tensor, xs: Tensor, reverse: boolean) => [Tensor, Tensor]) =>
        (h: Tensor, x: Tensor, v: Tensor): Tensor =>
          loss(
            run(
              (c, y) => {
                const next = c.matmul(v).add(y).tanh();
                return [next, next.mul(y)];
              },
              h,
              x,
              reverse,
            ),
          );
      const looped = of((f, h, x, r) => scan(f, h, x, { reverse: r }));
      const argnums = { argnums: [0, 1, 2] };
      const expected = numbers(grad(of(unrolled), argnums)(h0, xs, w));
      expect(distance(numbers(grad(looped, argnums)(h0, xs, w)), expected)).toBeLessThan(1e-13);
      expect(distance(numbers(jit(grad(looped, argnums))(h0, xs, w)), expected)).toBeLessThan(1e-13);
      expect(distance(numbers(grad(jit(looped), argnums)(h0, xs, w)), expected)).toBeLessThan(1e-13);
    }
  });

  test('maps over any of its arguments, under and above gradients', () => {
    const run = (h: Tensor, x: Tensor): Tensor => loss(scan(cell, h, x));
    const plain = (h: Tensor, x: Tensor): Tensor => loss(unrolled(cell, h, x));
    const hs = waves([4, 3], 7);
    const batch = waves([4, 5, 3], 3);
    for (const inAxes of [
      [0, null],
      [null, 0],
      [0, 0],
    ] as const) {
      const args = [inAxes[0] === 0 ? hs : h0, inAxes[1] === 0 ? batch : xs] as const;
      const expected = numbers(vmap(grad(plain, { argnums: [0, 1] }), { inAxes })(...args));
      const mapped = vmap(grad(run, { argnums: [0, 1] }), { inAxes });
      expect(distance(numbers(mapped(...args)), expected)).toBeLessThan(1e-13);
      expect(distance(numbers(jit(mapped)(...args)), expected)).toBeLessThan(1e-13);
      const sum = (h: Tensor, x: Tensor): Tensor => vmap(run, { inAxes })(h, x).sum();
      const gradient = grad(sum, { argnums: [0, 1] });
      const whole = (h: Tensor, x: Tensor): Tensor => vmap(plain, { inAxes })(h, x).sum();
      const wanted = numbers(grad(whole, { argnums: [0, 1] })(...args));
      expect(distance(numbers(gradient(...args)), wanted)).toBeLessThan(1e-13);
      expect(distance(numbers(jit(gradient)(...args)), wanted)).toBeLessThan(1e-13);
    }
  });

  test('has second derivatives, by any order of compilation', () => {
    const second = (f: (h: Tensor) => Tensor): ((h: Tensor) => Tensor) =>
      grad((h: Tensor) => grad(f)(h).square().sum());
    const run = (h: Tensor): Tensor => loss(scan(cell, h, xs));
    const expected = numbers(second((h) => loss(unrolled(cell, h, xs)))(h0));
    for (const f of [second(run), jit(second(run)), second(jit(run))]) {
      expect(distance(numbers(f(h0)), expected)).toBeLessThan(1e-12);
    }
  });

  test("is on libtorch's own tape", () => {
    const of = (run: (f: Step, h: Tensor, xs: Tensor) => [Tensor, Tensor]): number[] => {
      const h = waves([3], 20).requiresGrad_();
      const v = waves([3, 3], 40).requiresGrad_();
      const step: Step = (c, x) => [c.matmul(v).add(x).tanh(), c];
      return numbers(autograd.grad([loss(run(step, h, xs))], [h, v]));
    };
    expect(distance(of(scan), of(unrolled))).toBeLessThan(1e-13);
  });

  test('runs its body once, and its graph does not grow with its length', () => {
    const sizes = [30, 300].map((length) => {
      const body = counted(cell);
      const run = jit(grad((x: Tensor) => loss(scan(body, h0, x))));
      const { graph } = run.lower(waves([length, 3]));
      expect(body.count).toBe(1);
      expect(graph).toContain('prim::Loop');
      return graph.split('\n').length;
    });
    expect(sizes[0]).toBe(sizes[1]);
  });

  testWithPython('compiles to a graph that torch.jit.load runs, with its gradient', ['torch'], (python) => {
    const path = inFolder('scan.pt');
    const run = jit(grad((h: Tensor, x: Tensor) => loss(scan(cell, h, x)), { argnums: [0, 1] }));
    run.lower(h0, xs).save(path);
    const script = `
import json, sys, torch
wave = lambda first, *s: torch.sin(torch.arange(first, first + torch.Size(s).numel(), dtype=torch.float64)).reshape(s)
print(json.dumps([v for t in torch.jit.load(sys.argv[1])(wave(20, 3), wave(1, 5, 3)) for v in t.flatten().tolist()]))
`;
    expect(distance(JSON.parse(python.run(script, path)) as number[], numbers(run(h0, xs)))).toBeLessThan(
      1e-14,
    );
  });

  test('takes trees, and passes on what is no tensor', () => {
    const relu = (x: Tensor): Tensor => x.relu();
    const [carry, ys] = scan(
      (c: { sum: Tensor; act: typeof relu }, x: { a: Tensor; k: string }) =>
        [
          { ...c, sum: c.sum.add(c.act(x.a)) },
          { twice: x.a.mul(2), k: x.k },
        ] as const,
      { sum: tensor(0), act: relu },
      { a: tensor([1, -2, 3]), k: 'name' },
    );
    expect([carry.sum.item(), carry.act, ys.twice.toArray(), ys.k]).toEqual([4, relu, [2, -4, 6], 'name']);
  });

  test('makes tensors of numbers, and lets numbers stand for tensors', () => {
    const [count, ys] = scan((n: Tensor) => [n.add(1), 7] as const, 0 as unknown as Tensor, null, {
      length: 3,
    });
    expect([count.item(), (ys as unknown as Tensor).toArray()]).toEqual([3, [7, 7, 7]]);
    const [flag] = scan(() => [true as unknown as Tensor, null] as const, tensor(false), null, { length: 1 });
    expect(flag.item()).toBe(true);
  });

  test('takes no steps at all', () => {
    const none = zeros([0, 3], { dtype: 'float64' });
    for (const run of [scan, jit((f: Step, h: Tensor, x: Tensor) => scan(f, h, x), { staticArgnums: 0 })]) {
      const [h, ys]: [Tensor, Tensor] = (run as typeof scan)(cell, h0, none);
      expect([numbers(h), ys.shape]).toEqual([numbers(h0), [0, 3]]);
    }
    expect(numbers(grad((h: Tensor) => loss(scan(cell, h, none)))(h0))).toEqual(numbers(h0.mul(2)));
  });

  test('nests', () => {
    const rows = waves([2, 4, 3], 9);
    const nested = (h: Tensor, x: Tensor): Tensor =>
      scan((c: Tensor, r: Tensor) => scan(cell, c, r), h, x)[0].sum();
    const flat = (h: Tensor, x: Tensor): Tensor => unrolled(cell, h, x.reshape([8, 3]))[0].sum();
    const expected = numbers(grad(flat)(h0, rows));
    for (const f of [grad(nested), jit(grad(nested)), grad(jit(nested))]) {
      expect(distance(numbers(f(h0, rows)), expected)).toBeLessThan(1e-13);
    }
  });

  test('matches finite differences for any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.boolean(), (length, reverse) => {
        const x = waves([length, 3], 11);
        const f = jit((h: Tensor) => loss(scan(cell, h, x, { reverse })));
        const exact = numbers(grad(f)(h0));
        const step = 1e-6;
        exact.forEach((slope, i) => {
          const nudge = zeros([3], { dtype: 'float64' }).at(i).set(step);
          const estimate = (Number(f(h0.add(nudge))) - Number(f(h0.sub(nudge)))) / (2 * step);
          expect(estimate).toBeCloseTo(slope, 7);
        });
      }),
      { numRuns: 6 },
    );
  });

  test('leaves nothing behind, whatever happens', () => {
    expectNothingLeft(() => {
      scan(cell, h0, xs);
      grad((h: Tensor) => loss(scan(cell, h, xs)))(h0);
      vmap(grad((h: Tensor) => loss(scan(cell, h, xs))))(waves([2, 3]));
      thrown(() => scan(() => [h0.sum(), null] as never, h0, xs));
      thrown(() =>
        grad(
          (h: Tensor) =>
            scan(
              () => {
                throw new Error('inside');
              },
              h,
              xs,
            )[0],
        )(h0),
      );
    });
    expect(memory().tensors).toBeGreaterThan(0);
  });
});

describe('scan refuses', () => {
  const xs = tensor([1, 2]);
  const bad = (f: (...args: never[]) => unknown, init: unknown, x: unknown, options = {}): string => {
    const error = thrown(() => scan(f as never, init, x, options));
    return `${(error as { code?: string }).code} ${error.message}`;
  };
  test('a carry that changes, naming the path', () => {
    expect(bad((c: { h: Tensor }) => [{ h: c.h.expand([2]) }, null], { h: tensor(0) }, xs)).toMatch(
      /^ERR_TRANSFORM scan: .*float32\[\], got float32\[2\] at \.?\[?'?h/,
    );
    expect(bad((c: Tensor) => [c.to('int64'), null], tensor(0), xs)).toMatch(/float32\[\], got int64\[\]/);
    expect(bad((c: Tensor) => [[c], null], tensor(0), xs)).toMatch(/^ERR_/);
    expect(bad(() => [{}, null], { h: tensor(0) }, xs)).toMatch(/^ERR_TREE/);
    expect(bad(() => [1.5, null], tensor(0, { dtype: 'int64' }), xs)).toMatch(/int64\[\], got 1\.5/);
  });
  test('a result that is no pair, a promise, no function', () => {
    expect(bad((c: Tensor) => c, tensor(0), xs)).toMatch(/^ERR_TRANSFORM .*\[carry, y\]/);
    expect(bad(async () => Promise.resolve([]), tensor(0), xs)).toMatch(/^ERR_TRANSFORM .*Promise/);
    expect(bad(3 as never, tensor(0), xs)).toMatch(/^ERR_ARGUMENT/);
  });
  test('lengths that differ or are not known', () => {
    const f = (c: Tensor): [Tensor, null] => [c, null];
    expect(bad(f, tensor(0), [xs, tensor([1])])).toMatch(/^ERR_SHAPE .*2 from xs\[0\] and 1 from xs\[1\]/);
    expect(bad(f, tensor(0), xs, { length: 3 })).toMatch(/^ERR_SHAPE .*3 from `length`/);
    expect(bad(f, tensor(0), null)).toMatch(/^ERR_ARGUMENT/);
    expect(bad(f, tensor(0), tensor(1))).toMatch(/^ERR_SHAPE/);
    expect(bad(f, tensor(0), null, { length: -1 })).toMatch(/^ERR_ARGUMENT/);
  });
  test('to tell the value of a tensor', () => {
    expect(bad((c: Tensor) => [Number(c) > 0 ? c : c, null], tensor(0), xs)).toMatch(/^ERR_CONCRETISATION/);
  });
});
