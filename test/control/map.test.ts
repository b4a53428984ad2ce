import { map } from '../../lib/control';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { distance, numbers, thrown, waves } from '../support/numeric';

const xs = waves([7, 3]);
const f = (x: Tensor): { s: Tensor; m: Tensor } => ({ s: x.sin(), m: x.max() });

describe('map', () => {
  test('equals vmap, for any size of batches, alone and compiled', () => {
    const expected = numbers(vmap(f)(xs));
    for (const batchSize of [undefined, 1, 2, 7, 10]) {
      const run = (x: Tensor): { s: Tensor; m: Tensor } => map(f, x, { batchSize });
      expect(distance(numbers(run(xs)), expected)).toBeLessThan(1e-15);
      expect(distance(numbers(jit(run)(xs)), expected)).toBeLessThan(1e-15);
    }
  });

  test('is differentiated', () => {
    const sum = (x: Tensor): Tensor => map((r: Tensor) => r.square().sum(), x, { batchSize: 3 }).sum();
    expect(distance(numbers(grad(sum)(xs)), numbers(xs.mul(2)))).toBeLessThan(1e-15);
  });

  test('refuses sizes of batches that are none, and nothing to map over', () => {
    const code = (body: () => unknown): string => (thrown(body) as Error & { code: string }).code;
    for (const batchSize of [0, -1, 1.5]) expect(code(() => map(f, xs, { batchSize }))).toBe('ERR_ARGUMENT');
    expect(code(() => map(() => null, null))).toBe('ERR_ARGUMENT');
  });
});
