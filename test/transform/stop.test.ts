import '../../lib/autograd';
import { TransformError } from '../../lib/base/errors';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  errorIf,
  grad,
  jit,
  nonbatchable,
  nondifferentiable,
  nondifferentiableBackward,
  nontraceable,
  vmap,
} from '../../lib/transform';
import { expectNothingLeft, thrown } from '../support/numeric';

const x = tensor(2);
const batch = tensor([1, 2]);
type Fn = (a: Tensor) => Tensor;

function expectStop(run: () => unknown, message: string): void {
  expectNothingLeft(() => {
    const error = thrown(run);
    expect(error).toBeInstanceOf(TransformError);
    expect(error.message).toContain(message);
  });
}

// equinox/test_nontraceable
test.each<readonly [string, (a: Tensor) => Tensor]>([
  ['nondifferentiable', nondifferentiable],
  ['nondifferentiableBackward', nondifferentiableBackward],
  ['nontraceable', nontraceable],
  ['nonbatchable', nonbatchable],
])('%s is the identity, also in jit, and leaves other values alone', (_name, stop) => {
  for (const run of [
    stop,
    jit(stop),
    (a: Tensor): Tensor => jit((b: Tensor) => stop(b.mul(2)).mul(3))(a.div(6)),
  ]) {
    expect(run(x).item()).toBe(2);
  }
  const tree = { a: x, k: 3, f: ops.relu };
  const same = (stop as <T>(t: T) => T)(tree);
  expect([same.a.item(), same.k, same.f]).toEqual([2, 3, ops.relu]);
});

test('nondifferentiable refuses derivatives, and nothing that is not differentiated', () => {
  const f: Fn = (a) => nondifferentiable(a).square();
  for (const run of [grad(f), jit(grad(f)), grad(jit(f)), (a: Tensor) => vmap(grad(f))(ops.stack([a, a]))]) {
    expectStop(() => run(x), 'Unexpected tangent. This operation cannot be autodifferentiated.');
  }
  const beside = grad((a: Tensor, b: Tensor) => nondifferentiable(b).mul(a));
  expect(beside(x, tensor(3)).item()).toBe(3);
  expect(vmap(f)(batch).toArray()).toEqual([1, 4]);
  expect(thrown(() => grad((a: Tensor) => nondifferentiable(a, { name: 'Mine' }))(x)).message).toContain(
    '. Mine cannot',
  );
  expect(thrown(() => grad((a: Tensor) => nondifferentiable(a, { message: 'no!' }))(x)).message).toContain(
    'no!',
  );
});

test('nondifferentiableBackward refuses gradients that arrive', () => {
  const f: Fn = (a) => nondifferentiableBackward(a).square();
  for (const run of [grad(f), jit(grad(f)), grad(jit(f))]) {
    expectStop(
      () => run(x),
      'Unexpected cotangent. This operation cannot be reverse-mode autodifferentiated.',
    );
  }
  const unused = (a: Tensor, b: Tensor, fails: Tensor): Tensor =>
    // equinox/test_errors: only dy/da = 0 is asked for, so neither the stop nor the check matters.
    errorIf([nondifferentiableBackward(a), b] as const, fails, 'never')[1];
  expect(jit(grad(unused))(x, x, tensor(true)).item()).toBe(0);
});

test('nontraceable refuses grad and vmap', () => {
  for (const run of [
    (): unknown => grad(nontraceable as Fn)(x),
    (): unknown => vmap(nontraceable as Fn)(batch),
    (): unknown => jit(vmap(nontraceable as Fn))(batch),
    (): unknown => vmap(jit(nontraceable as Fn))(batch),
  ]) {
    expectStop(run, 'Detected a transform of nontraceable operation');
  }
  expect(
    vmap((a: Tensor, b: Tensor) => nontraceable(b).add(a), { inAxes: [0, null] })(batch, x).toArray(),
  ).toEqual([3, 4]);
});

test('nonbatchable refuses vmap alone', () => {
  expectStop(
    () => vmap(nonbatchable as Fn)(batch),
    'Unexpected batch tracer. This operation cannot be vmapped.',
  );
  expect(grad((a: Tensor) => nonbatchable(a).square())(x).item()).toBe(4);
  expect(vmap((a: Tensor) => a.add(nonbatchable(x)))(batch).toArray()).toEqual([3, 4]);
});
