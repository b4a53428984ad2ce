import { switchCase } from '../../lib/control';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { distance, numbers, thrown, waves } from '../support/numeric';

const branches = [
  (x: Tensor): Tensor => x.sin(),
  (x: Tensor): Tensor => x.mul(2),
  (x: Tensor): Tensor => x.square(),
];
const x = waves([3]);

describe('switchCase', () => {
  test('applies the function of a number; the nearest one if there is none', () => {
    const run = (i: Tensor): Tensor => switchCase(i, branches, x);
    for (const f of [run, jit(run)]) {
      [-5, 0, 1, 2, 9].forEach((i) => {
        const expected = branches[Math.min(Math.max(i, 0), 2)]!(x);
        expect(numbers(f(tensor(i, { dtype: 'int64' })))).toEqual(numbers(expected));
      });
    }
    expect(numbers(switchCase(1, branches.slice(0, 2), x))).toEqual(numbers(x.mul(2)));
    expect(numbers(switchCase(5, branches.slice(0, 1), x))).toEqual(numbers(x.sin()));
  });

  test('is differentiated and mapped with a number for each element', () => {
    const f = (i: Tensor, a: Tensor): Tensor => switchCase(i, branches, a).sum();
    const index = tensor([2, 0, 1, 7], { dtype: 'int64' });
    const batch = waves([4, 3], 5);
    const expected = [2, 0, 1, 2].flatMap((i, row) =>
      numbers(grad((a: Tensor) => branches[i]!(a).sum())(batch.index(row))),
    );
    const mapped = vmap(grad(f, { argnums: 1 }));
    expect(distance(numbers(mapped(index, batch)), expected)).toBeLessThan(1e-15);
    expect(distance(numbers(jit(mapped)(index, batch)), expected)).toBeLessThan(1e-15);
  });

  test('refuses what is no number of a function', () => {
    const code = (index: unknown, list: unknown): string =>
      (thrown(() => switchCase(index as number, list as typeof branches, x)) as Error & { code: string })
        .code;
    expect(code(0, [])).toBe('ERR_ARGUMENT');
    expect(code(1.5, branches)).toBe('ERR_ARGUMENT');
    expect(code(tensor(1), branches)).toBe('ERR_DTYPE');
    expect(code(tensor([1], { dtype: 'int64' }), branches)).toBe('ERR_SHAPE');
    expect(code(0, [branches[0], () => x.sum()])).toBe('ERR_TRANSFORM');
  });
});
