// Forward mode, Jacobians and rules by hand where other parts of the library meet them: named axes, layers, libtorch's own
// tape, other threads, files, memory.
import '../../lib/autograd';
import { scan, whileLoop } from '../../lib/control';
import { exportTorchScript, loadTorchScript } from '../../lib/io';
import * as nn from '../../lib/nn';
import * as ops from '../../lib/ops';
import * as optim from '../../lib/optim';
import { key, normal } from '../../lib/random';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  allGather,
  checkpoint,
  customJvp,
  customVjp,
  filterCheckpoint,
  filterVmap,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  pmax,
  pmean,
  psum,
  vmap,
} from '../../lib/transform';
import { useFolder } from '../support/folder';
import { distance, expectNothingLeft, numbers, waves } from '../support/numeric';

type Fn = (x: Tensor) => Tensor;

const x = waves([3]);
const doubles = { dtype: 'float64' } as const;
const thrice: Fn = customVjp((a: Tensor) => a.sin()).defvjp(
  (a) => [a.sin(), a],
  (a: Tensor, g: Tensor) => [a.cos().mul(g).mul(3)],
);

describe('over named axes', () => {
  const pairs: Readonly<Record<string, readonly [mapped: Fn, plain: Fn]>> = {
    psum: [(a) => a.mul(psum(a.square(), 'i')), (a) => a.mul(a.square().sum())],
    pmean: [(a) => a.sin().mul(pmean(a, 'i')), (a) => a.sin().mul(a.mean())],
    pmax: [(a) => a.mul(pmax(a.square(), 'i')), (a) => a.mul(a.square().amax())],
    allGather: [(a) => a.mul(allGather(a, 'i').pow(3).sum()), (a) => a.mul(a.pow(3).sum())],
    'psum in checkpoint': [checkpoint((a: Tensor) => a.mul(psum(a, 'i'))), (a) => a.mul(a.sum())],
    'psum in customJvp': [
      customJvp((a: Tensor) => psum(a.square(), 'i')).defjvp(([a]: [Tensor], [t]: [Tensor]) => [
        psum(a.square(), 'i'),
        psum(a.mul(t).mul(2), 'i'),
      ]),
      (a) => a.square().sum().expand([3]),
    ],
  };

  test.each(Object.keys(pairs))('%s has the derivatives of every mode', (name) => {
    const [body, plain] = pairs[name]!;
    const mapped = vmap(body, { axisName: 'i' });
    const uses: readonly ((f: Fn) => Fn)[] = [
      (f) => (a) => jvp(f, [a], [waves([3], 9)])[1],
      (f) => jacfwd(f),
      (f) => jacrev(f),
      (f) => hessian((a: Tensor) => f(a).sin().sum()),
    ];
    for (const use of uses) {
      const expected = numbers(use(plain)(x));
      expect(distance(numbers(use(mapped)(x)), expected)).toBeLessThan(1e-12);
      expect(distance(numbers(jit(use(mapped))(x)), expected)).toBeLessThan(1e-12);
    }
  });

  test('a backward rule may sum over them', () => {
    const body = customVjp((a: Tensor) => a.mul(psum(a, 'i'))).defvjp(
      (a) => [a.mul(psum(a, 'i')), [a, psum(a, 'i')]],
      ([a, sum]: [Tensor, Tensor], g: Tensor) => [g.mul(sum).add(psum(g.mul(a), 'i'))],
    );
    const slope = grad((a: Tensor) => vmap(body, { axisName: 'i' })(a).sin().sum())(x);
    const expected = grad((a: Tensor) => a.mul(a.sum()).sin().sum())(x);
    expect(distance(numbers(slope), numbers(expected))).toBeLessThan(1e-12);
  });
});

describe('Hessians through layers and losses, forward over reverse and reverse over reverse', () => {
  const attention = new nn.MultiheadAttention(2, 4, { key: key(0), ...doubles });
  const cell = new nn.GRUCell(2, 3, { key: key(1), ...doubles });
  const conv = new nn.Conv1d(1, 2, 3, { key: key(2), ...doubles });
  const [layerNorm, groupNorm] = [new nn.LayerNorm(4, doubles), new nn.GroupNorm(2, 4, doubles)];
  const labels = tensor([1, 0, 2], { dtype: 'int64' });
  const cases: Readonly<Record<string, readonly [shape: readonly number[], f: Fn]>> = {
    attention: [[3, 4], (a) => attention.forward(a, a, a).square().sum()],
    'a recurrent cell in scan': [
      [4, 2],
      (a) =>
        scan((h: Tensor, t: Tensor) => [cell.forward(t, h), null], ops.zeros([3], doubles), a)[0]
          .square()
          .sum(),
    ],
    'a convolution': [[1, 6], (a) => conv.forward(a).pow(3).sum()],
    LayerNorm: [[4], (a) => layerNorm.forward(a).pow(3).sum()],
    GroupNorm: [[4, 3], (a) => groupNorm.forward(a).pow(3).sum()],
    'cross entropy': [[3, 4], (a) => optim.softmaxCrossEntropyWithIntegerLabels(a, labels).mean()],
    'binary cross entropy': [[3, 4], (a) => optim.sigmoidBinaryCrossEntropy(a, ops.onesLike(a)).mean()],
  };

  test.each(Object.keys(cases))('of %s agree', (name) => {
    const [shape, f] = cases[name]!;
    const q = normal(key(5), shape, doubles);
    const expected = numbers(jacrev(jacrev(f))(q));
    for (const variant of [hessian(f), jit(hessian(f)), jacfwd(jacfwd(f)), hessian(filterCheckpoint(f))]) {
      expect(distance(numbers(variant(q)), expected)).toBeLessThan(1e-12);
    }
  });

  test('a checkpoint draws the same numbers again', () => {
    const dropout = new nn.Dropout(0.5);
    const f: Fn = (a) =>
      dropout
        .forward(a, { key: key(3) })
        .square()
        .sum();
    const q = normal(key(1), [50]);
    expect(grad(filterCheckpoint(f))(q).toArray()).toEqual(grad(f)(q).toArray());
  });

  test('batch statistics have a tangent that agrees with the gradient', () => {
    const [norm, state] = nn.makeWithState(nn.BatchNorm)(3, 'batch', { mode: 'batch', ...doubles });
    const forward = (a: Tensor, s: nn.State): readonly [Tensor, nn.State] => norm.forward(a, { state: s });
    const mapped = filterVmap(forward, { axisName: 'batch', inAxes: [0, null], outAxes: [0, null] });
    const f: Fn = (a) => mapped(a, state)[0].pow(3).sum();
    const [q, d] = [normal(key(1), [5, 3], doubles), normal(key(2), [5, 3], doubles)];
    expect(jvp(f, [q], [d])[1].item()).toBeCloseTo(grad(f)(q).mul(d).sum().item() as number, 10);
  });
});

describe('rules by hand', () => {
  const expected = numbers(x.cos().mul(3));

  test("are those of libtorch's own tape", () => {
    for (const f of [thrice, jit(thrice), checkpoint((a: Tensor) => thrice(a))]) {
      const leaf = waves([3]).requiresGrad_();
      f(leaf).sum().backward();
      expect(distance(numbers(leaf.grad), expected)).toBeLessThan(1e-13);
    }
  });

  test('run on other threads, as programs', async () => {
    const slope = jit(grad((a: Tensor) => thrice(a).sum()));
    expect(distance(numbers(await slope.async(x)), expected)).toBeLessThan(1e-13);
    const loop = jit((a: Tensor) =>
      whileLoop(
        (b: Tensor) => b.sum().lt(100),
        (b) => thrice(b).add(b).add(9),
        a,
      ),
    );
    expect(numbers(await loop.async(x))).toEqual(numbers(loop(x)));
  });

  const inFolder = useFolder();
  test('are not needed by files, which hold the function', async () => {
    const path = inFolder('rule.pt');
    exportTorchScript(path, (a: Tensor) => thrice(a), x);
    expect(numbers((await Promise.resolve(loadTorchScript(path))).forward(x))).toEqual(numbers(x.sin()));
  });

  test('hold no tensor once they are done, eager and compiled', () => {
    expectNothingLeft(() => {
      grad((a: Tensor) => thrice(a).sum())(x);
      const compiled = jit((a: Tensor) => thrice(a).sum());
      grad(compiled)(x);
      compiled.clearCache();
    }, 20);
  });
});
