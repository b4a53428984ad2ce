// Second derivatives in forward mode of a backward pass: see NOTE [forward derivatives that libtorch lacks] in
// native/trace/forward_decompositions.h.
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, hessian, jacfwd, jacrev, jit, jvp, vmap } from '../../lib/transform';
import { distance, numbers, waves } from '../support/numeric';

const classes = tensor([1, 0, 2], { dtype: 'int64' });
const weights = waves([3], 50).abs().add(0.5);
const [w, b] = [waves([2, 2], 30), waves([2, 2], 60)];

const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  softmax: (x) =>
    x
      .softmax(1)
      .square()
      .mul(waves([3, 4], 9))
      .sum(),
  'softmax along the first axis': (x) => x.softmax(0).pow(3).sum(),
  logSoftmax: (x) => x.logSoftmax(1).square().sum(),
  logSigmoid: (x) => ops.logSigmoid(x).square().sum(),
  'nllLoss, mean': (x) => ops.nllLoss(x.logSoftmax(1), classes),
  'nllLoss of weighted classes': (x) =>
    ops.nllLoss(x.sin().t(), tensor([2, 0, 1, 2], { dtype: 'int64' }), weights).square(),
  'nllLoss, sum': (x) => ops.nllLoss(x.sin(), classes, null, 2).square(),
  'nllLoss of each': (x) => ops.nllLoss(x.sin(), classes, null, 0).pow(3).sum(),
  'nllLoss without an ignored class': (x) => ops.nllLoss(x.logSoftmax(1), classes, null, 1, 0).square(),
  nllLoss2d: (x) =>
    ops
      .nllLoss2d(
        x.sin().reshape([1, 3, 2, 2]),
        tensor(
          [
            [
              [0, 2],
              [1, 1],
            ],
          ],
          { dtype: 'int64' },
        ),
        weights,
      )
      .square(),
  layerNorm: (x) => ops.layerNorm(x, [4]).pow(3).sum(),
  'layerNorm with a weight': (x) =>
    ops
      .layerNorm(x, [4], waves([4], 30))
      .pow(3)
      .sum(),
  'layerNorm with a weight and a bias, over two axes': (x) =>
    ops
      .layerNorm(x.reshape([3, 2, 2]), [2, 2], w, b)
      .pow(3)
      .sum(),
  'layerNorm over all axes': (x) => ops.layerNorm(x, [3, 4]).pow(3).sum(),
};

const x = waves([3, 4], 3);
const direction = waves([3, 4], 77);

test.each(Object.keys(functions))('%s', (name) => {
  const f = functions[name]!;
  const size = 0.001;
  const slope = grad(f);
  const moved = [1, -1, 2, -2].map((steps) => slope(x.add(direction.mul(steps * size))));
  const [p, m, pp, mm] = moved as [Tensor, Tensor, Tensor, Tensor];
  const expected = numbers(
    p
      .sub(m)
      .mul(8)
      .sub(pp.sub(mm))
      .div(12 * size),
  );
  const push = (g: (a: Tensor) => Tensor) => (a: Tensor) => jvp(g, [a], [direction])[1];
  for (const variant of [
    push(grad(f)),
    jit(push(grad(f))),
    push(jit(grad(f))),
    // Reverse mode all the way.
    grad((a: Tensor) => grad(f)(a).mul(direction).sum()),
    (a: Tensor): Tensor => vmap(push(grad(f)))(ops.stack([a, a])).select(0, 1),
  ]) {
    expect(distance(numbers(variant(x)), expected)).toBeLessThan(1e-8);
  }
  const full = numbers(hessian(f)(x));
  expect(distance(full, numbers(jacrev(jacrev(f))(x)))).toBeLessThan(1e-12);
  expect(distance(full, numbers(jacfwd(jacfwd(f))(x)))).toBeLessThan(1e-12);
  expect(distance(full, numbers(jacfwd(jit(jacfwd(jit(f))))(x)))).toBeLessThan(1e-12);
  expect(distance(full, numbers(jit(hessian(f))(x)))).toBeLessThan(1e-12);
});

test('the parameters of layerNorm have mixed derivatives', () => {
  const f = (weight: Tensor, bias: Tensor): Tensor => ops.layerNorm(x, [4], weight, bias).pow(3).sum();
  const [weight, bias] = [waves([4], 30), waves([4], 60)];
  const both = hessian(f, { argnums: [0, 1] })(weight, bias) as Tensor[][];
  const reverse = jacrev(jacrev(f, { argnums: [0, 1] }), { argnums: [0, 1] })(weight, bias) as Tensor[][];
  expect(distance(numbers(both), numbers(reverse))).toBeLessThan(1e-12);
});
