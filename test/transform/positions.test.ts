import { ArgumentError } from '../../lib/base/errors';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { customJvp, customVjp, grad, hessian, jacfwd, jacrev, jit, valueAndGrad } from '../../lib/transform';
import { positionsOf } from '../../lib/transform/positions';
import { thrown } from '../support/thrown';

const x = tensor([1, 2, 3]);
const f = (a: Tensor, b: Tensor): Tensor => a.mul(b).sum();

test('positions count from either end and keep their order', () => {
  expect(positionsOf('grad', 'argnums', [1, -2], 2)).toEqual([1, 0]);
  expect(positionsOf('grad', 'argnums', -1, 3)).toEqual([2]);
  expect(positionsOf('grad', 'argnums', [], 3)).toEqual([]);
});

const bad: readonly (readonly [unknown, string])[] = [
  [2, 'expected `argnums` to name one of 2 argument(s), got 2.'],
  [-3, 'expected `argnums` to name one of 2 argument(s), got -3.'],
  [0.5, 'expected `argnums` to name one of 2 argument(s), got 0.5.'],
  [NaN, 'expected `argnums` to name one of 2 argument(s), got NaN.'],
  ['0', 'expected `argnums` to name one of 2 argument(s), got "0".'],
  [null, 'expected `argnums` to name one of 2 argument(s), got null.'],
  [[0, '1'], 'expected `argnums` to name one of 2 argument(s), got "1".'],
  [[0, -2], 'expected `argnums` to name each argument once, got 0, -2 for 2 argument(s).'],
];

describe.each<readonly [string, (options: { argnums: never }) => unknown]>([
  ['grad', (options) => grad(f, options)(x, x)],
  ['valueAndGrad', (options) => valueAndGrad(f, options)(x, x)],
  ['jacfwd', (options) => jacfwd(f, options)(x, x)],
  ['jacrev', (options) => jacrev(f, options)(x, x)],
  ['hessian', (options) => hessian(f, options)(x, x)],
])('%s', (name, run) => {
  test.each(bad)('refuses %p as `argnums`', (argnums, message) => {
    const error = thrown(() => run({ argnums: argnums as never }));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toBe(`${name}: ${message}`);
  });
});

test('positions of static and of undifferentiated arguments are checked too', () => {
  expect(thrown(() => jit(f, { staticArgnums: 2 })(x, x)).message).toBe(
    'jit: expected `staticArgnums` to name one of 2 argument(s), got 2.',
  );
  expect(thrown(() => jit(f, { staticArgnums: 'b' as never })(x, x)).message).toBe(
    'jit: expected `staticArgnums` to name one of 2 argument(s), got "b".',
  );
  const vjp = customVjp(f, { nondiffArgnums: [0, -2] }).defvjp(
    () => [x, x],
    (g: Tensor) => [g],
  );
  expect(thrown(() => vjp(x, x)).message).toBe(
    'customVjp: expected `nondiffArgnums` to name each argument once, got 0, -2 for 2 argument(s).',
  );
  const jvp = customJvp(f, { nondiffArgnums: 5 }).defjvp(([a]: [Tensor], [t]: [Tensor]) => [a, t]);
  expect(thrown(() => jvp(x, x)).message).toBe(
    'customJvp: expected `nondiffArgnums` to name one of 2 argument(s), got 5.',
  );
});
