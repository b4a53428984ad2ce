import * as nn from '../../lib/nn';
import * as ops from '../../lib/ops';
import { key } from '../../lib/random';
import { memory } from '../../lib/tensor/memory';
import { tensor } from '../../lib/tensor/create';
import { Tensor } from '../../lib/tensor/tensor';
import { leaves } from '../../lib/tree';
import {
  checkpoint,
  filterCheckpoint,
  filterGrad,
  filterJit,
  grad,
  hessian,
  jit,
  jvp,
  vmap,
} from '../../lib/transform';
import { thrown } from '../support/numeric';

const x = tensor(2, { dtype: 'float64' });
const xs = tensor([1, 2, 3], { dtype: 'float64' });
const f = (a: Tensor): Tensor => a.sin().mul(a).exp();

describe('checkpoint', () => {
  test.each([
    ['grad', grad(checkpoint(f)), grad(f)],
    ['jit of grad', jit(grad(checkpoint(f))), grad(f)],
    ['grad of jit', grad(jit(checkpoint(f))), grad(f)],
    ['grad of checkpoint of jit', grad(checkpoint(jit(f))), grad(f)],
    ['grad of grad', grad(grad(checkpoint(f))), grad(grad(f))],
    ['grad of checkpoint of grad', grad(checkpoint(grad(f))), grad(grad(f))],
    ['checkpoint of checkpoint', grad(checkpoint(checkpoint(f))), grad(f)],
    ['hessian', hessian(checkpoint(f)), hessian(f)],
    ['jvp', (a: Tensor) => jvp(checkpoint(f), [a], [a])[1], (a: Tensor) => jvp(f, [a], [a])[1]],
  ])('%s is that of the function', (_name, checked, plain) => {
    expect(checked(x).item()).toBeCloseTo(plain(x).item() as number, 10);
  });

  test('is mapped, on either side', () => {
    const expected = vmap(grad(f))(xs);
    expect(ops.allclose(vmap(grad(checkpoint(f)))(xs), expected)).toBe(true);
    expect(ops.allclose(grad((a: Tensor) => vmap(checkpoint(f))(a).sum())(xs), expected)).toBe(true);
    expect(ops.allclose(grad((a: Tensor) => checkpoint(vmap(f))(a).sum())(xs), expected)).toBe(true);
  });

  test('runs the function once more in the backward pass', () => {
    let count = 0;
    const counted = checkpoint((a: Tensor) => {
      count++;
      return f(a);
    });
    counted(x);
    expect(count).toBe(1);
    grad(counted)(x);
    expect(count).toBe(3);
  });

  test('differentiates what the function captures', () => {
    expect(grad((a: Tensor) => checkpoint((b: Tensor) => b.mul(a).mul(a))(x))(x).item()).toBe(8);
    expect(jit(grad((a: Tensor) => checkpoint((b: Tensor) => b.mul(a).mul(a))(x)))(x).item()).toBe(8);
  });

  test('keeps no values between the passes', () => {
    const big = ops.full([1 << 20], 0.5);
    const chain = (a: Tensor): Tensor => {
      let y = a;
      for (let i = 0; i < 8; i++) y = y.sin();
      return y;
    };
    const heldBy = (body: (a: Tensor) => Tensor): number => {
      let held = 0;
      const before = memory().bytes;
      grad((a: Tensor) => {
        const y = body(a).sum();
        held = memory().bytes - before;
        return y;
      })(big).dispose();
      return held;
    };
    // Of the sines, one is the result.
    expect(heldBy(checkpoint(chain))).toBeLessThan(2 * big.nbytes);
  });

  test('refuses other leaves, and what is no function', () => {
    expect(thrown(() => checkpoint((a: number) => a)(3)).message).toContain('got 3 at [0]');
    expect(thrown(() => checkpoint(3 as never))).toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});

describe('filterCheckpoint', () => {
  test('gives the gradients of a model', () => {
    const mlp = new nn.MLP(2, 2, 4, 2, { key: key(0) });
    const v = tensor([0.3, -0.7]);
    const plain = leaves(filterGrad((m: nn.MLP) => m.forward(v).sum())(mlp));
    const checked = leaves(filterGrad((m: nn.MLP) => filterCheckpoint(m)(v).sum())(mlp));
    const compiled = leaves(filterJit(filterGrad((m: nn.MLP) => filterCheckpoint(m)(v).sum()))(mlp));
    expect(checked.length).toBe(plain.length);
    plain.forEach((leaf, i) => {
      if (!(leaf instanceof Tensor)) return;
      expect(ops.allclose(checked[i] as Tensor, leaf)).toBe(true);
      expect(ops.allclose(compiled[i] as Tensor, leaf)).toBe(true);
    });
  });

  test('passes other values through', () => {
    const [y, note] = filterCheckpoint((a: Tensor, n: number, s: string) => [a.mul(n), s] as const)(
      x,
      3,
      'hi',
    );
    expect([y.item(), note]).toEqual([6, 'hi']);
  });
});
