import '../../lib/autograd';
import { ArgumentError, DtypeError, EquinodeRuntimeError } from '../../lib/base/errors';
import { Module } from '../../lib/module';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { branchedErrorIf, errorIf, filterJit, grad, jit, valueAndGrad, vmap } from '../../lib/transform';
import { setVariable, useEnvironment } from '../support/environment';
import { expectNothingLeft, thrown } from '../support/numeric';

useEnvironment(() => ({ EQUINODE_ON_ERROR: undefined }));

// equinox/test_errors
const f = (x: Tensor): Tensor => errorIf(x, x.lt(0), 'x must be non-negative').relu();
const good = tensor(1);
const bad = tensor(-1);
const here = /\nThe check stands at .*error-if\.test\.ts:\d+:\d+\)?\. EQUINODE_ON_ERROR=breakpoint stops/;

function failure(run: () => unknown): string {
  const error = thrown(run);
  expect(error).toBeInstanceOf(EquinodeRuntimeError);
  expect([(error as EquinodeRuntimeError).code, error.cause]).toEqual(['ERR_RUNTIME', undefined]);
  expect(error.message).toMatch(here);
  return error.message.split('\nThe check stands')[0]!;
}

describe('errorIf', () => {
  const slope = (x: Tensor): Tensor => grad(f)(x);
  test.each<readonly [string, (x: Tensor) => Tensor, number]>([
    ['without transforms', f, 1],
    ['in jit', jit(f), 1],
    ['in filterJit', filterJit(f), 1],
    ['in grad', slope, 1],
    ['in jit of grad', jit(slope), 1],
    ['in grad of jit', grad(jit(f)), 1],
    ['in jit of valueAndGrad', (x) => jit(valueAndGrad(f))(x)[0], 1],
    ['in grad of grad', grad((x: Tensor) => grad((y: Tensor) => f(y).pow(3))(x)), 6],
  ])('throws the message %s, and gives the value otherwise', (_name, run, value) => {
    expect(run(good).item()).toBe(value);
    expect(failure(() => run(bad))).toBe('x must be non-negative');
    expect(run(good).item()).toBe(value);
    expectNothingLeft(() => {
      expect(() => run(bad)).toThrow(EquinodeRuntimeError);
    });
  });

  test.each<readonly [string, (x: Tensor) => Tensor]>([
    ['vmap', vmap(f)],
    ['jit of vmap', jit(vmap(f))],
    ['vmap of jit', vmap(jit(f))],
    ['jit of vmap of grad', jit(vmap(grad(f)))],
    ['vmap of grad of jit', vmap(grad(jit(f)))],
  ])('names the elements that failed in %s', (_name, run) => {
    expect(run(tensor([1, 2])).shape).toEqual([2]);
    expect(failure(() => run(tensor([1, -1])))).toBe('Batch index (1,) had error:\nx must be non-negative');
    expect(failure(() => run(tensor([-1, -1])))).toBe(
      'Batch index (0,) had error:\nx must be non-negative\n\nBatch index (1,) had error:\nx must be non-negative',
    );
  });

  test('names the elements of nested batches from the outside in, and not more than eight', () => {
    const nested = vmap(vmap(f));
    for (const run of [nested, jit(nested), vmap(jit(vmap(f)))]) {
      const x = tensor([
        [1, 1, 1],
        [1, -1, 1],
      ]);
      expect(failure(() => run(x))).toBe('Batch index (1, 1) had error:\nx must be non-negative');
      expect(failure(() => vmap(vmap(f), { inAxes: 1 })(x))).toContain('Batch index (1, 1) had');
    }
    expect(failure(() => vmap(f)(ops.ones([20]).neg()))).toMatch(
      /Batch index \(7,\)[^]*and 12 more of the batch\.$/,
    );
  });

  test('looks at every element of a predicate', () => {
    const run = (x: Tensor): Tensor => errorIf(x, x.lt(0), 'negative');
    for (const one of [run, jit(run)]) {
      expect(one(tensor([1, 2])).toArray()).toEqual([1, 2]);
      expect(failure(() => one(tensor([1, -2])))).toBe('negative');
    }
    expect(failure(() => vmap(run)(tensor([[1], [-1]])))).toBe('Batch index (1,) had error:\nnegative');
  });

  test('does not look at what a batch shares as if it were of the batch', () => {
    const run = (x: Tensor, y: Tensor): Tensor => errorIf(x, y.lt(0), 'shared');
    const mapped = vmap(run, { inAxes: [0, null] });
    for (const one of [mapped, jit(mapped)]) {
      expect(one(tensor([1, 2]), good).toArray()).toEqual([1, 2]);
      expect(failure(() => one(tensor([1, 2]), bad))).toBe('shared');
    }
  });

  test('is left out of a program that does not use its result, also where a derivative does not', () => {
    const unused = jit((x: Tensor) => {
      errorIf(x, x.lt(0), 'never seen');
      return x.mul(2);
    });
    expect(unused(bad).item()).toBe(-2);
    expect(unused.lower(bad).graph).not.toContain('equinode::');
    // The result of y does not depend on x, so that its derivative needs no check.
    const other = jit(
      grad((x: Tensor, y: Tensor, fails: Tensor) => errorIf([x, y] as const, fails, 'never seen')[1]),
    );
    expect(other(good, good, tensor(true)).item()).toBe(0);
  });

  test('runs before what uses it, and once for a tree of many tensors', () => {
    const run = jit((x: Tensor, y: Tensor) => {
      const safe = errorIf({ x, list: [y], k: 3 }, x.lt(0).any(), 'negative');
      return [safe.x.log(), safe.list[0]!.add(safe.k)] as const;
    });
    expect(run(good, bad).map((one) => one.item())).toEqual([0, 2]);
    expect(failure(() => run(bad, good))).toBe('negative');
    expect(run.lower(bad, good).graph.match(/equinode::check/g)).toHaveLength(1);
  });

  test('comes before the error of what it guards, also in the call that traces', () => {
    const inverse = (a: Tensor): Tensor => ops.linalgInv(errorIf(a, a.det().eq(0), 'singular'));
    const pick = (a: Tensor, i: Tensor): Tensor => a.indexSelect(0, errorIf(i, i.gt(2), 'no such row'));
    const far = tensor([7], { dtype: 'int64' });
    for (const first of [true, false]) {
      const [one, other] = [jit((a: Tensor) => inverse(a)), jit((a: Tensor, i: Tensor) => pick(a, i))];
      if (!first) {
        one(ops.eye(2));
        other(tensor([1, 2, 3]), far.mul(0));
      }
      expect(failure(() => one(ops.zeros([2, 2])))).toBe('singular');
      expect(failure(() => other(tensor([1, 2, 3]), far))).toBe('no such row');
      expect(one(ops.eye(2)).shape).toEqual([2, 2]);
    }
    // A check that has failed does not stand for another error.
    expect(
      thrown(() =>
        jit((a: Tensor) => {
          errorIf(a, a.lt(0), 'never');
          throw new RangeError('mine');
        })(bad),
      ),
    ).toEqual(new RangeError('mine'));
    expect(thrown(() => jit(ops.linalgInv)(ops.zeros([2, 2])))).not.toBeInstanceOf(EquinodeRuntimeError);
  });

  test('does not merge different checks', () => {
    const run = jit((x: Tensor) => {
      const a = errorIf(x, x.lt(0), 'negative');
      const b = errorIf(x, x.gt(9), 'large');
      const c = errorIf(x, x.lt(0), 'negative too');
      return a.add(b).add(c);
    });
    expect(run.lower(good).graph.match(/equinode::check/g)).toHaveLength(3);
    expect(failure(() => run(bad))).toBe('negative');
    expect(failure(() => run(tensor(10)))).toBe('large');
    const last = jit((x: Tensor) => errorIf(errorIf(x, x.lt(-5), 'far below'), x.lt(0), 'below'));
    expect([failure(() => last(bad)), failure(() => last(tensor(-6)))]).toEqual(['below', 'far below']);
  });

  test('lets derivatives of both modes pass, and batches of them', () => {
    const cube = (x: Tensor): Tensor => errorIf(x, x.lt(0), 'negative').pow(3);
    expect(grad(grad(cube))(tensor(2)).item()).toBe(12);
    expect(vmap(grad(cube))(tensor([1, 2])).toArray()).toEqual([3, 12]);
    const x = tensor(2).requiresGrad_();
    cube(x).backward();
    expect(x.grad?.item()).toBe(12);
    const passed = errorIf(x.square(), tensor([false]), 'never');
    expect(passed.requiresGrad).toBe(true);
  });

  test('decides at once what is known', () => {
    expect(errorIf('no tensor', false, 'never')).toBe('no tensor');
    expect(failure(() => errorIf('no tensor', true, 'known'))).toBe('known');
    expect(failure(() => jit((x: Tensor) => errorIf(x, true, 'known'))(good))).toBe('known');
    expect(failure(() => jit((x: Tensor) => [errorIf(x, tensor([true]), 'known'), x])(good))).toBe('known');
    const same = errorIf(good, false, 'never');
    expect(Object.is(same, good)).toBe(true);
  });

  test('keeps words of the user that look like those of TorchScript', () => {
    const message = 'first\nRuntimeError: second\n  "quoted" \\ ü {}';
    const run = jit((x: Tensor) => errorIf(x, x.lt(0), message));
    expect(failure(() => run(bad))).toBe(message);
  });

  test('rejects asynchronous runs with the same error, and goes on', async () => {
    const run = jit(f);
    const [first, second] = await Promise.allSettled([run.async(bad), run.async(good)]);
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'ERR_RUNTIME' } });
    expect((first as PromiseRejectedResult).reason).toBeInstanceOf(EquinodeRuntimeError);
    expect((first as PromiseRejectedResult).reason).toMatchObject({
      message: thrown(() => run(bad)).message,
    });
    expect((second as PromiseFulfilledResult<Tensor>).value.item()).toBe(1);
  });

  test('checks modules', () => {
    class Scale extends Module {
      readonly w: Tensor;
      readonly act = ops.relu;
      constructor(w: Tensor) {
        super();
        this.w = w;
      }
    }
    const run = filterJit((m: Scale) => errorIf(m, m.w.isnan(), 'NaN in the weights').w.mul(2));
    expect(run(new Scale(good)).item()).toBe(2);
    expect(failure(() => run(new Scale(tensor(NaN))))).toBe('NaN in the weights');
  });
});

describe('branchedErrorIf', () => {
  const messages = ['zero', 'one', 'two'];
  const run = (x: Tensor, i: Tensor): Tensor => branchedErrorIf(x, x.lt(0), i, messages);
  const at = (i: number | number[]): Tensor => tensor(i, { dtype: 'int64' });

  test('says the message of the index', () => {
    for (const one of [run, jit(run)]) {
      expect(one(good, at(1)).item()).toBe(1);
      expect([0, 1, 2].map((i) => failure(() => one(bad, at(i))))).toEqual(messages);
      expect(failure(() => one(bad, at([0, 2, 1])))).toBe('two');
      for (const i of [-1, 3]) {
        expect(failure(() => one(bad, at(i)))).toBe(
          `An error occurred, but which one is unknown: expected an index of one of 3 message(s), got ${i}.`,
        );
      }
    }
    for (const one of [vmap(run), jit(vmap(run)), vmap(jit(run))]) {
      expect(failure(() => one(tensor([-1, 1, -1]), at([2, 0, 1])))).toBe(
        'Batch index (0,) had error:\ntwo\n\nBatch index (2,) had error:\none',
      );
    }
    expect(failure(() => vmap(run, { inAxes: [0, null] })(tensor([1, -1]), at(1)))).toBe(
      'Batch index (1,) had error:\none',
    );
    expect(failure(() => vmap(run, { inAxes: [null, 0] })(bad, at([0, 2])))).toContain(
      '(1,) had error:\ntwo',
    );
  });

  test('refuses what is no index, no message, no predicate and no tensor', () => {
    expect(thrown(() => branchedErrorIf(good, true, 0.5, ['a'])).message).toBe(
      'branchedErrorIf: expected an integer as the index, got 0.5.',
    );
    expect(thrown(() => branchedErrorIf(good, true, 0, [])).message).toBe(
      'branchedErrorIf: expected messages that are strings, got none.',
    );
    expect(thrown(() => errorIf(good, good as never, 'a'))).toBeInstanceOf(DtypeError);
    expect(thrown(() => errorIf(good, good, 'a')).message).toBe(
      'errorIf: expected a boolean or a tensor of bool as the predicate, got float32[]. Compare it with something.',
    );
    expect(thrown(() => jit((x: Tensor) => errorIf(3, x.lt(0), 'a'))(good)).message).toBe(
      'errorIf: expected a tensor to hang the check on, got 3 without one. Pass what is used after the check.',
    );
  });
});

describe('onError and EQUINODE_ON_ERROR', () => {
  test('nan gives NaN, the largest integer and true', () => {
    for (const wrap of [<T>(fn: T): T => fn, jit as never as <T>(fn: T) => T]) {
      const run = wrap((x: Tensor, i: Tensor, b: Tensor, c: Tensor) =>
        errorIf([x, i, b, c] as const, x.lt(0), 'never', { onError: 'nan' }),
      );
      const ints = tensor([1, 2], { dtype: 'int32' });
      const [x, i, b, c] = run(bad, ints, tensor([false]), tensor(1, { dtype: 'complex64' }));
      expect([x.item(), i.toArray(), b.toArray()]).toEqual([NaN, [2147483647, 2147483647], [true]]);
      expect(c.isnan().item()).toBe(true);
      expect(run(good, ints, tensor([false]), good)[1].toArray()).toEqual([1, 2]);
    }
    const mapped = vmap((x: Tensor) => errorIf(x, x.lt(0), 'never', { onError: 'nan' }));
    expect(mapped(tensor([1, -1])).toArray()).toEqual([1, NaN]);
  });

  test('off leaves the check out', () => {
    const run = jit((x: Tensor) => errorIf(x, x.lt(0), 'never', { onError: 'off' }));
    expect(run(bad).item()).toBe(-1);
    expect(errorIf(bad, true, 'never', { onError: 'off' }).item()).toBe(-1);
  });

  test('breakpoint raises too, by way of JavaScript', () => {
    const run = (x: Tensor): Tensor => errorIf(x, x.lt(0), 'stopped', { onError: 'breakpoint' }).mul(2);
    for (const one of [
      run,
      jit(run),
      grad(run),
      vmap(jit(run), { axisSize: 1, inAxes: null, outAxes: null }),
    ]) {
      expect(one(good).item()).toBe(2);
      expect(failure(() => one(bad))).toBe('stopped');
    }
    expect(failure(() => jit(vmap(run))(tensor([1, -1])))).toBe('stopped');
  });

  test('comes from the environment, and is refused when unknown', () => {
    setVariable('EQUINODE_ON_ERROR', 'nan');
    expect(jit((x: Tensor) => errorIf(x, x.lt(0), 'never'))(bad).item()).toBe(NaN);
    expect(failure(() => errorIf(bad, true, 'raised', { onError: 'raise' }))).toBe('raised');
    setVariable('EQUINODE_ON_ERROR', 'ignore');
    const error = thrown(() => errorIf(good, false, 'a'));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toBe(
      'errorIf: expected EQUINODE_ON_ERROR to be one of raise, nan, breakpoint, off, got ignore.',
    );
    expect(() => errorIf(good, false, 'a', { onError: 'loud' as 'off' })).toThrow(
      'errorIf: expected `onError` to be one of raise, nan, breakpoint, off, got loud.',
    );
  });
});
