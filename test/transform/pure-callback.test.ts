import { spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import '../../lib/autograd';
import { ArgumentError, ShapeError, TransformError, TreeError } from '../../lib/base/errors';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import { ShapeDtypeStruct } from '../../lib/tensor/shape-dtype-struct';
import type { Tensor } from '../../lib/tensor/tensor';
import { filterJit, filterPureCallback, grad, jit, pureCallback, vmap } from '../../lib/transform';
import { counted } from '../support/counted';
import { expectNothingLeft, numbers, thrown } from '../support/numeric';
import { builtFolder } from '../support/program';

const x = tensor([3, 1, 2]);

/** Sorts by JavaScript, which no operator can see into. */
const sortOnHost = (a: Tensor): Tensor => tensor(numbers(a).sort((p, q) => p - q));
const sorted = (a: Tensor): Tensor => pureCallback(sortOnHost, [a], { resultShapeDtypes: a });

describe('pureCallback', () => {
  test.each<readonly [string, (a: Tensor) => Tensor]>([
    ['without transforms', sorted],
    ['in jit', jit(sorted)],
    ['in jit of jit', jit(jit(sorted))],
    ['in filterJit', filterJit(sorted)],
  ])('gives what the function gives %s', (_name, run) => {
    expect(run(x).toArray()).toEqual([1, 2, 3]);
    expect(run(tensor([9, 8, 7])).toArray()).toEqual([7, 8, 9]);
    expectNothingLeft(() => run(x));
  });

  test('runs in each run of the program, not while it is traced, and not where nothing needs it', () => {
    const fn = counted(sortOnHost);
    const jitted = jit((a: Tensor) => pureCallback(fn, [a.mul(2)], { resultShapeDtypes: a }).add(1));
    jitted.lower(x);
    expect(fn.count).toBe(0);
    expect([jitted(x).toArray(), jitted(x).toArray(), fn.count]).toEqual([[3, 5, 7], [3, 5, 7], 2]);
    const unused = jit((a: Tensor) => {
      pureCallback(fn, [a], { resultShapeDtypes: a });
      return a.neg();
    });
    unused(x);
    expect(fn.count).toBe(2);
  });

  test('gives contiguous results, whatever JavaScript gave, so that a view of a trace exists in every run', () => {
    const turned = (a: Tensor): Tensor =>
      pureCallback((b: Tensor) => b.t(), [a], {
        resultShapeDtypes: new ShapeDtypeStruct([3, 2], 'float32'),
      }).view([6]);
    const a = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    for (const run of [turned, jit(turned)]) expect(run(a).toArray()).toEqual([1, 4, 2, 5, 3, 6]);
  });

  test('does not take a result for known while it is traced', () => {
    const reads = jit((a: Tensor) =>
      pureCallback(() => 3, [], { resultShapeDtypes: new ShapeDtypeStruct([], 'int32') })
        .add(a)
        .item(),
    );
    expect(() => reads(x.sum())).toThrow(/that is being traced by jit/);
  });

  test.each(['sequential', 'expandDims', 'broadcastAll'] as const)('maps over a batch: %s', (vmapMethod) => {
    const shapes: string[] = [];
    const fn = (a: Tensor, b: Tensor): Tensor => {
      shapes.push(`${a.shape.join()} ${b.shape.join()}`);
      return a.add(b);
    };
    const run = (a: Tensor, b: Tensor): Tensor =>
      pureCallback(fn, [a, b], { resultShapeDtypes: new ShapeDtypeStruct([3], 'float32'), vmapMethod });
    const a = ops.arange(6, { dtype: 'float32' }).reshape([2, 3]);
    const mapped = vmap(run, { inAxes: [0, null] });
    for (const one of [mapped, jit(mapped), vmap(jit(run), { inAxes: [0, null] })]) {
      expect(one(a, x).toArray()).toEqual([
        [3, 2, 4],
        [6, 5, 7],
      ]);
      expect(new Set(shapes)).toEqual(
        new Set([{ sequential: '3 3', expandDims: '2,3 1,3', broadcastAll: '2,3 2,3' }[vmapMethod]]),
      );
      expect(shapes).toHaveLength(vmapMethod === 'sequential' ? 2 : 1);
      shapes.length = 0;
    }
    const outer = vmap(mapped, { inAxes: [null, 0] });
    const b = ops.stack([x, x.neg()]);
    const expected = ops.stack([a.add(x), a.sub(x)]).toArray();
    expect(outer(a, b).toArray()).toEqual(expected);
    expect(jit(outer)(a, b).toArray()).toEqual(expected);
    expect(mapped(ops.zeros([0, 3]), x).shape).toEqual([0, 3]);
  });

  test('may use operators, transforms and compiled functions of its own', () => {
    const inner = jit((a: Tensor) => a.square().sum());
    const fn = (a: Tensor): Tensor => vmap((b: Tensor) => b.mul(2))(grad(inner)(a)).add(inner(a));
    const run = (a: Tensor): Tensor => pureCallback(fn, [a], { resultShapeDtypes: a });
    expect([run, jit(run), vmap(run, { inAxes: null, axisSize: 2 })].map((one) => one(x).shape)).toEqual([
      [3],
      [3],
      [2, 3],
    ]);
    expect(jit(vmap(run))(ops.stack([x, x])).toArray()).toEqual([
      [26, 18, 22],
      [26, 18, 22],
    ]);
    expect([native().depth(), native().tracing()]).toEqual([0, false]);
  });

  test('calls itself by way of programs', () => {
    const run: (a: Tensor) => Tensor = jit((a: Tensor) =>
      pureCallback((b: Tensor) => (Number(b) < 1 ? b : run(b.sub(1)).add(1)), [a], { resultShapeDtypes: a }),
    );
    expect(run(tensor(5)).item()).toBe(5);
  });

  test('throws on what the function throws, as it is', async () => {
    const own = { not: 'an Error' };
    for (const value of [new RangeError('mine'), own, 'text', undefined]) {
      const run = (a: Tensor): Tensor =>
        pureCallback(
          (_b: Tensor): Tensor => {
            // eslint-disable-next-line @typescript-eslint/only-throw-error -- JavaScript lets a user throw anything
            throw value;
          },
          [a],
          { resultShapeDtypes: a },
        );
      const jitted = jit(run);
      for (const one of [run, jitted, vmap(run), vmap(jitted)]) {
        let caught: unknown = 'nothing';
        try {
          one(x);
        } catch (error) {
          caught = error;
        }
        expect(caught).toBe(value);
      }
      expect(await jitted.async(x).catch((error: unknown) => ({ error }))).toEqual({ error: value });
      expect([native().depth(), native().tracing()]).toEqual([0, false]);
    }
    expect(jit(sorted)(x).toArray()).toEqual([1, 2, 3]);
  });

  test('checks the result against what is declared', () => {
    const returning = (result: unknown) => (a: Tensor) =>
      pureCallback((_b: Tensor) => result, [a], { resultShapeDtypes: { y: a } });
    for (const wrap of [
      (f: (a: Tensor) => unknown) => f,
      jit as never as (f: (a: Tensor) => unknown) => typeof f,
    ]) {
      const shape = thrown(() => wrap(returning({ y: tensor([1, 2]) }))(x));
      expect(shape).toBeInstanceOf(ShapeError);
      expect(shape.message).toBe(
        "pureCallback: expected a callback that returns float32[3] at ['y'] as declared, got float32[2].",
      );
      expect(() => wrap(returning({ y: ops.ones([3], { dtype: 'int64' }) }))(x)).toThrow('got int64[3].');
      expect(() => wrap(returning({ y: 3 }))(x)).toThrow('got 3.');
      expect(thrown(() => wrap(returning([x]))(x))).toBeInstanceOf(TreeError);
      expect(thrown(() => wrap(returning({ y: x, z: x }))(x)).message).toContain(
        "pureCallback: expected a callback that returns a tree as declared, Structure({'y': *}), got Structure({'y': *, 'z': *}).",
      );
    }
  });

  test('may use any number of operators for the first time', () => {
    const negate = (a: Tensor): Tensor => {
      for (let i = 0; i < 3000; i++) native().resolve('aten::neg', `neg number ${i}`);
      return a.neg();
    };
    expect(pureCallback(negate, [x], { resultShapeDtypes: x }).toArray()).toEqual([-3, -1, -2]);
  });

  test('refuses promises, other leaves than tensors, and unknown options', () => {
    expect(() =>
      jit((a: Tensor) =>
        pureCallback(async (b: Tensor) => Promise.resolve(b), [a], { resultShapeDtypes: a }),
      )(x),
    ).toThrow('pureCallback: expected a function that returns its result, got one that returns a Promise.');
    expect(thrown(() => pureCallback(sortOnHost as never, [3], { resultShapeDtypes: x })).message).toBe(
      'pureCallback: expected tensors in `args`, got 3 at [0]. Use filterPureCallback for other values.',
    );
    expect(() => pureCallback(sortOnHost, [x], { resultShapeDtypes: 'x' })).toThrow(
      'in `resultShapeDtypes`, got "x".',
    );
    expect(
      thrown(() => pureCallback(sortOnHost, [x], { resultShapeDtypes: x, vmapMethod: 'loop' as never }))
        .message,
    ).toBe(
      'pureCallback: expected `vmapMethod` to be one of sequential, expandDims, broadcastAll, got "loop".',
    );
    expect(thrown(() => pureCallback(3 as never, [x], { resultShapeDtypes: x }))).toBeInstanceOf(
      ArgumentError,
    );
    expect(() => pureCallback(sortOnHost, [x], { resultShapeDtypes: x, vectorized: true } as never)).toThrow(
      ArgumentError,
    );
  });

  test('refuses derivatives with respect to its arguments alone', () => {
    const through = (a: Tensor): Tensor => sorted(a).sum();
    for (const run of [grad(through), jit(grad(through)), grad(jit(through))]) {
      const error = thrown(() => run(x));
      expect(error).toBeInstanceOf(TransformError);
      expect(error.message).toMatch(
        /expected values that no derivative is taken of, got one that grad or jvp/,
      );
    }
    const beside = (a: Tensor, b: Tensor): Tensor => sorted(b).mul(a).sum();
    expect(grad(beside)(x, x).toArray()).toEqual([1, 2, 3]);
    expect(jit(grad(beside))(x, x).toArray()).toEqual([1, 2, 3]);
  });

  test('runs on the thread of JavaScript while a program runs on another one', async () => {
    const jitted = jit((a: Tensor) => sorted(a.mul(2)).add(1));
    const all = await Promise.all(Array.from({ length: 20 }, async (_, i) => jitted.async(x.add(i))));
    expect(all.map(numbers)).toEqual(Array.from({ length: 20 }, (_, i) => [3 + 2 * i, 5 + 2 * i, 7 + 2 * i]));
    // Another compiled function may run in the callback meanwhile, and await nothing.
    const nested = jit((a: Tensor) =>
      pureCallback((b: Tensor) => jit(sorted)(b), [a], { resultShapeDtypes: a }),
    );
    const running = nested.async(x);
    expect(nested(x).toArray()).toEqual([1, 2, 3]);
    expect((await running).toArray()).toEqual([1, 2, 3]);
    await setTimeout(0);
  });

  test('leaves no process behind that ends while a callback is waited for', () => {
    const script = `
const { jit, pureCallback, tensor } = require(${JSON.stringify(`${builtFolder}/lib`)});
const run = jit((x) => pureCallback((a) => { process.exit(7); }, [x], { resultShapeDtypes: x }));
for (let i = 0; i < 4; i++) void run.async(tensor([1]));
`;
    expect(spawnSync(process.execPath, ['-e', script], { timeout: 60_000 }).status).toBe(7);
    const worker = `
const { Worker } = require('node:worker_threads');
const w = new Worker(\`
const { jit, pureCallback, tensor } = require(${JSON.stringify(`${builtFolder}/lib`)});
const run = jit((x) => pureCallback((a) => { require('node:worker_threads').parentPort.postMessage(1); for (;;); }, [x], { resultShapeDtypes: x }));
for (let i = 0; i < 4; i++) run.async(tensor([1])).catch(() => undefined);
\`, { eval: true });
w.on('message', async () => { await w.terminate(); console.log('ended'); });
`;
    const ended = spawnSync(process.execPath, ['-e', worker], { timeout: 60_000, encoding: 'utf8' });
    expect([ended.status, ended.stdout, ended.stderr]).toEqual([0, 'ended\n', '']);
  });
});

describe('filterPureCallback', () => {
  const [flag, other] = [Symbol('flag'), Symbol('other')];
  // equinox/test_callback
  const callback = (a: Tensor, k: unknown): readonly [Tensor, unknown] => [
    a.add(1),
    k === flag ? other : flag,
  ];

  test('takes and returns other values, unchanged', () => {
    const spec = [new ShapeDtypeStruct([], 'float32'), other] as const;
    const run = (a: Tensor) => filterPureCallback(callback, [a, flag], { resultShapeDtypes: spec });
    for (const one of [run, filterJit(run)]) {
      for (const value of [1, 2]) {
        const [sum, symbol] = one(tensor(value));
        expect([sum.item(), symbol]).toEqual([value + 1, other]);
      }
    }
  });

  test('refuses a value other than declared', () => {
    const spec = [new ShapeDtypeStruct([], 'float32'), flag] as const;
    const run = (a: Tensor) => filterPureCallback(callback, [a, flag], { resultShapeDtypes: spec });
    for (const one of [run, filterJit(run)]) {
      const error = thrown(() => one(tensor(1)));
      expect(error).toBeInstanceOf(TreeError);
      expect(error.message).toMatch(
        /^filterPureCallback: expected a callback that returns .* at \[1\] as declared, got /,
      );
    }
  });
});
