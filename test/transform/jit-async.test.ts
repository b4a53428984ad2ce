import { availableParallelism } from 'node:os';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { filterJit, grad, jit, vmap } from '../../lib/transform';
import { numbers, thrown } from '../support/numeric';

const x = tensor([1, 2, 3]);

describe('async', () => {
  test('gives the same as a call, in the order of the calls', async () => {
    const jitted = filterJit((a: Tensor, k: number) => ({ a: a.mul(k), k, text: 'hi' }));
    const order: number[] = [];
    const results = await Promise.all(
      [3, 1, 2].map(async (k) => {
        const result = await jitted.async(x, k);
        order.push(k);
        return result;
      }),
    );
    expect(order).toEqual([3, 1, 2]);
    expect(results.map((one) => [one.a.toArray(), one.k, one.text])).toEqual([
      [[3, 6, 9], 3, 'hi'],
      [[1, 2, 3], 1, 'hi'],
      [[2, 4, 6], 2, 'hi'],
    ]);
  });

  test('lets the caller dispose what it gave right after the call', async () => {
    const jitted = jit((a: Tensor) => a.mul(2));
    const inputs = Array.from({ length: 20 }, (_, i) => tensor([i, i + 1]));
    const promises = inputs.map((one) => {
      const promise = jitted.async(one);
      one.dispose();
      return promise;
    });
    expect((await Promise.all(promises)).map((one) => one.toArray())).toEqual(
      inputs.map((_, i) => [2 * i, 2 * i + 2]),
    );
  });

  test('donates', async () => {
    const jitted = filterJit((a: Tensor) => a.mul(2), { donate: 'all' });
    const argument = tensor([1, 2]);
    const promise = jitted.async(argument);
    expect(argument.isDisposed).toBe(true);
    expect((await promise).toArray()).toEqual([2, 4]);
  });

  test('rejects with the same error as a call, and goes on', async () => {
    const jitted = jit((a: Tensor, i: Tensor) => a.indexSelect(0, i));
    const far = tensor([7], { dtype: 'int64' });
    const near = tensor([1], { dtype: 'int64' });
    jitted(x, near);
    const expected = thrown(() => jitted(x, far));
    const promises = [jitted.async(x, far), jitted.async(x, near)];
    await expect(promises[0]).rejects.toThrow(expected);
    expect((await promises[1])?.toArray()).toEqual([2]);
  });

  test('rejects what a call would throw before it runs', async () => {
    const jitted = jit((a: Tensor) => a);
    await expect(jitted.async(3 as never)).rejects.toThrow('jit: expected tensors in argument 0, got 3.');
    const failing = filterJit((_a: Tensor): Tensor => {
      throw new RangeError('from the function');
    });
    await expect(failing.async(x)).rejects.toThrow(new RangeError('from the function'));
    expect(native().tracing()).toBe(false);
  });

  test('keeps the event loop free while it runs', async () => {
    const slow = jit((a: Tensor) => {
      let b = a;
      for (let i = 0; i < 30; i++) b = b.matmul(a).mul(1e-3);
      return b.sum();
    });
    const big = ops.ones([400, 400]);
    await slow.async(big);
    const state = { done: false };
    const result = slow.async(big).finally(() => {
      state.done = true;
    });
    let turns = 0;
    for (; !state.done; turns++) await setImmediate();
    expect(turns).toBeGreaterThan(3);
    expect(numbers(await result)).toEqual(numbers(slow(big)));
  });

  test('gives up calls that have not begun when their signal is aborted', async () => {
    const jitted = jit((a: Tensor) => a.matmul(a).sum());
    const big = ops.ones([300, 300]);
    const controller = new AbortController();
    // As many calls as may run at once.
    const begun = Array.from({ length: availableParallelism() }, () => jitted.async(big));
    const calls = [jitted.async(big, controller.signal), jitted.async(big), ...begun];
    controller.abort(new RangeError('enough'));
    const [second, third, ...first] = await Promise.allSettled(calls);
    expect([...first, third].map((one) => one?.status)).not.toContain('rejected');
    expect((second as PromiseRejectedResult).reason).toEqual(new RangeError('enough'));
    const argument = tensor([[1]]);
    const donating = filterJit((a: Tensor) => a.mul(2), { donate: 'all' });
    await expect(donating.async(argument, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(argument.isDisposed).toBe(false);
    const late = new AbortController();
    const done = await jitted.async(argument, late.signal);
    late.abort();
    expect(done.item()).toBe(1);
  });

  test('takes many calls at once, which run in their order', async () => {
    const jitted = jit((state: Tensor, a: Tensor) => state.mul(0.5).add(a));
    const ended: number[] = [];
    const results = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const result = await jitted.async(tensor(i), tensor(1));
        ended.push(i);
        return result.item();
      }),
    );
    expect(results).toEqual(Array.from({ length: 200 }, (_, i) => i / 2 + 1));
    expect(ended).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  test('lets a timer of 10 ms come in time while a step of 200 ms runs', async () => {
    const slow = jit((a: Tensor) => {
      let b = a;
      for (let i = 0; i < 40; i++) b = b.matmul(a).mul(1e-3);
      return b.sum();
    });
    // As large as it takes for the step to last.
    let size = 256;
    let lasts = 0;
    for (; lasts < 200 && size < 4096; size *= 2) {
      const start = performance.now();
      await slow.async(ops.ones([size, size]));
      lasts = performance.now() - start;
    }
    const a = ops.ones([size / 2, size / 2]);
    const worst: number[] = [];
    // What else the machine does may delay one run, not each of five.
    for (let attempt = 0; attempt < 5 && !(Math.min(...worst) < 20); attempt++) {
      const state = { done: false };
      const result = slow.async(a).finally(() => {
        state.done = true;
      });
      let drift = 0;
      while (!state.done) {
        const start = performance.now();
        await setTimeout(10);
        drift = Math.max(drift, performance.now() - start - 10);
      }
      await result;
      worst.push(drift);
    }
    expect(lasts).toBeGreaterThan(200);
    expect(Math.min(...worst)).toBeLessThan(20);
  }, 60_000);

  test('is refused inside transforms', async () => {
    const jitted = jit((a: Tensor) => a.sum());
    const refusals: Promise<unknown>[] = [];
    const calling = (a: Tensor): Tensor => {
      refusals.push(jitted.async(a));
      return a.sum();
    };
    grad(calling)(x);
    vmap(calling)(ops.ones([2, 3]));
    jit(calling)(x);
    for (const refusal of await Promise.allSettled(refusals)) {
      expect((refusal as PromiseRejectedResult).reason).toMatchObject({
        code: 'ERR_TRANSFORM',
        message:
          'jit.async: expected no transform around it, since it runs on another thread. Call it without async.',
      });
    }
    expect(refusals).toHaveLength(3);
  });
});
