import { foriLoop } from '../../lib/control';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit } from '../../lib/transform';
import { numbers, thrown, waves } from '../support/numeric';

const int = (value: number): Tensor => tensor(value, { dtype: 'int64' });
const add = (i: Tensor, sum: Tensor): Tensor => sum.add(i);

describe('foriLoop', () => {
  test('applies its body for each integer, alone and compiled, with numbers and tensors as bounds', () => {
    for (const [lower, upper, sum] of [
      [0, 10, 45],
      [-2, 3, 0],
      [5, 5, 0],
      [7, 2, 0],
    ] as const) {
      expect(foriLoop(lower, upper, add, int(0)).item()).toBe(sum);
      expect(jit(() => foriLoop(lower, upper, add, int(0)))().item()).toBe(sum);
      const run = (a: Tensor, b: Tensor): Tensor => foriLoop(a, b, add, int(0));
      expect(run(int(lower), int(upper)).item()).toBe(sum);
      expect(jit(run)(int(lower), int(upper)).item()).toBe(sum);
      expect(foriLoop(int(lower), upper, add, int(0)).item()).toBe(sum);
    }
  });

  test('is differentiated backward with numbers as bounds', () => {
    const x = waves([3]);
    const f = (a: Tensor): Tensor => foriLoop(1, 4, (i: Tensor, c: Tensor) => c.mul(i).sin(), a).sum();
    const plain = (a: Tensor): Tensor => a.mul(1).sin().mul(2).sin().mul(3).sin().sum();
    expect(numbers(grad(f)(x))).toEqual(numbers(grad(plain)(x)));
    expect(numbers(jit(grad(f))(x))).toEqual(numbers(grad(plain)(x)));
  });

  test('refuses bounds that are no integers', () => {
    for (const bad of [1.5, NaN, Infinity, tensor(1), '3']) {
      const error = thrown(() => foriLoop(0, bad as number, add, int(0))) as Error & { code: string };
      expect(error.code).toBe('ERR_ARGUMENT');
    }
    expect(
      (thrown(() => foriLoop(0, tensor([1], { dtype: 'int64' }), add, int(0))) as Error & { code: string })
        .code,
    ).toBe('ERR_SHAPE');
  });
});
