import { backward, detach, grad, noGrad } from '../../lib/autograd';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { arange } from '../../lib/ops/create';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad as transformGrad, jit, vmap } from '../../lib/transform';
import { expectClose } from '../support/close';
import { codeOf, thrown } from '../support/thrown';

const float64 = { dtype: 'float64' } as const;
const watched = (values: number[] | number): Tensor => tensor(values, float64).requiresGrad_();

/** The slope of a scalar function along each element, by central differences. */
function slopes(f: (x: Tensor) => Tensor, x: Tensor, step = 1e-6): number[] {
  return noGrad(() =>
    Array.from({ length: x.size }, (_, i) => {
      const nudge = ops
        .zeros([x.size], float64)
        .at(i)
        .set(step)
        .reshape([...x.shape]);
      return (Number(f(x.add(nudge))) - Number(f(x.sub(nudge)))) / (2 * step);
    }),
  );
}

const functions: Record<string, (x: Tensor) => Tensor> = {
  'x sin x': (x) => x.mul(x.sin()).sum(),
  'softmax and log': (x) => ops.logSoftmax(x, 0).index(1),
  'norm of an outer product': (x) => x.outer(x.exp()).square().sum().sqrt(),
  'a matrix product': (x) =>
    x
      .reshape([1, -1])
      .matmul(x.reshape([-1, 1]))
      .tanh()
      .sum(),
  indexing: (x) => x.index('::-1').mul(x.at(0).mul(3)).sum(),
  'branches by value': (x) => ops.where(x.gt(0.4), x.square(), x.mul(-2)).sum(),
};

test.each(Object.entries(functions))('the gradient is the slope: %s', (_name, f) => {
  const x = watched([0.1, 0.5, 2]);
  const [gradient] = grad(f(x), x);
  expectClose(gradient!, slopes(f, x.detach()), { rtol: 1e-7, atol: 1e-8 });
  // The transform gives the same, bit for bit.
  expect(transformGrad(f)(x.detach()).toArray()).toEqual(gradient?.toArray());
});

test('derivatives of a higher order', () => {
  // torch: y = (x.sin() * x).sum() at [0.1, 0.5, 2.0], float64, and its first and second derivatives
  const x = watched([0.1, 0.5, 2]);
  const [first] = grad(x.sin().mul(x).sum(), x, { createGraph: true });
  expectClose(first!, [0.19933383317463074, 0.9182168195493894, 0.0770037537313969], {
    rtol: 1e-14,
  });
  const [second] = grad(first!.sum(), x);
  expectClose(second!, [1.9800249888913688, 1.515452354478644, -2.6508885267456486], {
    rtol: 1e-14,
  });
});

describe('grad', () => {
  test('of several outputs by several inputs', () => {
    const [a, b] = [watched(2), watched(3)];
    const gradients = grad([a.mul(b), a.square()], [a, b]);
    expect(gradients.map((x) => x?.item())).toEqual([7, 2]);
  });

  test('weights outputs that are no scalars', () => {
    const x = watched([1, 2, 3]);
    const [gradient] = grad(x.square(), x, { gradOutputs: [tensor([1, 0, 2], float64)] });
    expect(gradient?.toArray()).toEqual([2, 0, 12]);
    expect(codeOf(() => grad(x.square(), x))).toBe('ERR_OPERATOR');
  });

  test('an unused input is an error, or null where that is allowed', () => {
    const [x, y] = [watched(1), watched(1)];
    const error = thrown(() => grad(x.mul(2), [x, y]));
    expect([error.code, error.op]).toEqual(['ERR_OPERATOR', 'autograd.grad']);
    expect(error.message).toMatch(/^autograd\.grad: .*not have been used in the graph/);
    const [known, unknown] = grad(x.mul(2), [x, y], { allowUnused: true });
    expect([known?.item(), unknown]).toEqual([2, null]);
  });

  test('what was not recorded has no gradient', () => {
    expect(thrown(() => grad(tensor(1), tensor(2))).message).toBe(
      'autograd.grad: element 0 of tensors does not require grad and does not have a grad_fn',
    );
  });

  test('the recorded operators are used once unless they are to be kept', () => {
    const x = watched(3);
    const y = x.square();
    expect(grad(y, x, { retainGraph: true })[0]?.item()).toBe(6);
    expect(grad(y, x)[0]?.item()).toBe(6);
    expect(thrown(() => grad(y, x)).message).toContain('second time');
  });

  test('what is gone is refused', () => {
    const x = watched(1);
    const y = x.mul(2);
    y.dispose();
    expect(thrown(() => grad(y, x)).message).toMatch(/^autograd\.grad: expected a live tensor/);
  });

  test('no elements have no gradients', () => {
    const x = watched([]);
    expect(grad(x.sum(), x)[0]?.shape).toEqual([0]);
  });
});

describe('backward', () => {
  test('adds up in grad', () => {
    const x = watched([1, 2]);
    expect(x.grad).toBeNull();
    backward(x.square().sum());
    expect(x.grad?.toArray()).toEqual([2, 4]);
    x.mul(3).sum().backward();
    expect(x.grad?.toArray()).toEqual([5, 7]);
  });

  test('takes several outputs, with weights', () => {
    const x = watched([1, 2]);
    backward([x.sum(), x.square()], [null, tensor([10, 1], float64)]);
    expect(x.grad?.toArray()).toEqual([21, 5]);
  });

  test('an output that is no scalar needs a weight', () => {
    const error = thrown(() => {
      watched([1, 2]).mul(2).backward();
    });
    expect(error.message).toBe('autograd.backward: grad can be implicitly created only for scalar outputs');
  });

  test('can be recorded', () => {
    const x = watched(2);
    backward(x.pow(3), [], { createGraph: true });
    const [second] = grad(x.grad!, x);
    expect(second?.item()).toBe(12);
  });
});

describe('requiresGrad', () => {
  test('is asked for, inherited and taken back', () => {
    const x = tensor([1, 2]);
    expect(x.requiresGrad).toBe(false);
    expect(x.requiresGrad_()).toBe(x);
    expect([x.requiresGrad, x.add(1).requiresGrad]).toEqual([true, true]);
    x.requiresGrad_(false);
    expect(x.add(1).requiresGrad).toBe(false);
  });

  test('integers have no gradients', () => {
    expect(thrown(() => arange(3).requiresGrad_()).message).toBe(
      'requiresGrad_: Only Tensors of floating point and complex dtype can require gradients',
    );
  });

  test('what was computed from such a tensor cannot take it back', () => {
    expect(codeOf(() => watched(1).mul(2).requiresGrad_(false))).toBe('ERR_OPERATOR');
  });
});

describe('noGrad', () => {
  test('records nothing, and what was before comes back', () => {
    const x = watched(2);
    expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
    expect(x.mul(2).requiresGrad).toBe(true);
    expect(noGrad(() => noGrad(() => 7))).toBe(7);
  });

  test('also after an exception or a promise', () => {
    const x = watched(2);
    expect(() =>
      noGrad(() => {
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    expect(codeOf(() => noGrad(async () => Promise.resolve(1)))).toBe('ERR_TRANSFORM');
    expect(x.mul(2).requiresGrad).toBe(true);
  });
});

test('detach cuts the values off', () => {
  const x = watched(2);
  const y = x.mul(3);
  expect([detach(y).requiresGrad, y.detach().item()]).toEqual([false, 6]);
  expect(grad(x.mul(y.detach()), x)[0]?.item()).toBe(6);
});

test('the tape records compiled functions and batches', () => {
  const x = watched([1, 2, 3]);
  const cube = jit((a: Tensor) => a.pow(3).sum());
  expect(grad(cube(x), x)[0]?.toArray()).toEqual([3, 12, 27]);
  const squares = vmap((a: Tensor) => a.square())(x);
  expect(grad(squares.sum(), x)[0]?.toArray()).toEqual([2, 4, 6]);
  // And the transforms see through it.
  const slope = transformGrad((a: Tensor) => a.mul(x).sum())(tensor([1, 1, 1], float64));
  expect(slope.toArray()).toEqual([1, 2, 3]);
  expect(native().depth()).toBe(0);
});
