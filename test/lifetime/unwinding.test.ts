import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { ones } from '../../lib/ops/create';
import { tensor } from '../../lib/tensor/create';
import { memory } from '../../lib/tensor/memory';
import { tidy } from '../../lib/tensor/tidy';
import type { Tensor } from '../../lib/tensor/tensor';
import { noGrad } from '../../lib/autograd';
import { filterGrad, filterJit, filterVmap, grad, jit, valueAndGrad, vmap } from '../../lib/transform';
import { liveTensors } from '../support/collect';
import { codeOf } from '../support/thrown';

type Fn = (x: Tensor) => Tensor;

/** The sum of a result; a promise goes on as it is. */
const total: Fn = (y) => ((y as unknown) instanceof Promise ? y : y.sum());

const transforms: Record<string, (f: Fn) => Fn> = {
  grad: (f) => grad((x: Tensor) => total(f(x))),
  valueAndGrad: (f) => (x) => valueAndGrad((a: Tensor) => total(f(a)))(x)[0],
  filterGrad: (f) => filterGrad((x: Tensor) => total(f(x))),
  vmap: (f) => (x) => vmap(f)(ops.stack([x, x])),
  filterVmap: (f) => (x) => filterVmap(f)(ops.stack([x, x])),
  jit: (f) => jit(f),
  filterJit: (f) => filterJit(f),
  tidy: (f) => (x) => tidy(() => f(x)),
  noGrad: (f) => (x) => noGrad(() => f(x)),
};

const failures: Record<string, { readonly run: Fn; readonly code: string | undefined }> = {
  'an exception of the user’s': {
    run: (x) => {
      x.mul(2).add(1);
      throw new RangeError('on purpose');
    },
    code: undefined,
  },
  'an operator that refuses': { run: (x) => x.reshape([-1]).add(ones([7])), code: 'ERR_SHAPE' },
  'a value that is read': { run: (x) => x.mul(x.sum().item()), code: 'ERR_CONCRETISATION' },
  'a promise': {
    run: (async (x: Tensor) => Promise.resolve(x.add(1))) as unknown as Fn,
    code: 'ERR_TRANSFORM',
  },
};

/** What is the same after a failure as before: the layers, the trace, and what the library computes. */
function expectWhole(): void {
  expect([native().depth(), native().tracing()]).toEqual([0, false]);
  const x = tensor([1, 2, 3]);
  expect(x.requiresGrad_().mul(2).requiresGrad).toBe(true);
  const f = jit(vmap(grad((a: Tensor) => a.pow(3).sum())));
  expect(f(tensor([1, 2])).toArray()).toEqual([3, 12]);
}

const words = Object.keys(transforms).flatMap((outer) =>
  Object.keys(transforms).map((inner) => [outer, inner] as const),
);

describe.each(Object.entries(failures))('%s', (_name, { run, code }) => {
  test.each(words)('inside %s of %s leaves nothing behind', (outer, inner) => {
    const nested = (transforms[outer] as (f: Fn) => Fn)((transforms[inner] as (f: Fn) => Fn)(run));
    const x = tensor([1, 2]);
    const before = liveTensors();
    const reads = code === 'ERR_CONCRETISATION' && /tidy|noGrad/.test(outer) && /tidy|noGrad/.test(inner);
    if (reads) {
      // Outside transforms a value may be read.
      expect(nested(x).toArray()).toEqual([3, 6]);
    } else if (code === undefined) {
      expect(() => nested(x)).toThrow('on purpose');
    } else {
      expect(codeOf(() => nested(x))).toBe(code);
    }
    // The batch that vmap is given; noGrad has no scope of its own, so that its tensors wait for the collector.
    expect(memory().tensors - before).toBeLessThanOrEqual(outer === 'noGrad' ? 4 : 1);
    expectWhole();
  });
});

test('an exception at each of five levels, one after another', () => {
  for (let level = 0; level < 5; level++) {
    const at = (here: number, x: Tensor): Tensor => {
      if (here === level) throw new Error(`level ${level}`);
      return x;
    };
    const run = jit((x: Tensor) =>
      grad((a: Tensor) =>
        vmap((row: Tensor) =>
          at(2, grad((b: Tensor) => at(3, jit((c: Tensor) => at(4, c.square().sum()))(b)))(row)),
        )(at(1, a)).sum(),
      )(at(0, x)),
    );
    expect(() => run(ones([2, 3]))).toThrow(`level ${level}`);
    expectWhole();
  }
});

test('a function that fails once works the next time', () => {
  let fails = true;
  const f = jit((x: Tensor) => {
    if (fails) throw new Error('not yet');
    return x.mul(2);
  });
  expect(() => f(tensor([1]))).toThrow('not yet');
  fails = false;
  expect(f(tensor([1])).toArray()).toEqual([2]);
});

test('a compiled program that fails leaves the next run whole', async () => {
  const f = jit((x: Tensor, i: Tensor) => ops.indexSelect(x, 0, i));
  const x = tensor([1, 2, 3]);
  const at = (place: number): Tensor => tensor([place], { dtype: 'int64' });
  expect(codeOf(() => f(x, at(9)))).toBe('ERR_OPERATOR');
  expect(f(x, at(1)).toArray()).toEqual([2]);
  const [failed, done] = await Promise.allSettled([f.async(x, at(9)), f.async(x, at(2))]);
  expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'ERR_OPERATOR' } });
  expect(done.status === 'fulfilled' && done.value.toArray()).toEqual([3]);
  expectWhole();
});

test('a full stack inside a transform is an error like any other', () => {
  const deep = (x: Tensor): Tensor => deep(x.add(1));
  expect(() => jit(deep)(tensor([1]))).toThrow(RangeError);
  expect(() => grad(deep)(tensor(1))).toThrow(RangeError);
  const failing = (): void => {
    try {
      ones([2]).add(ones([3]));
    } catch {
      // At the bottom of the stack there may be no room for an error of ours.
    }
    failing();
  };
  expect(failing).toThrow('Maximum call stack size exceeded');
  expectWhole();
});
