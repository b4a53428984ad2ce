import '../../lib/autograd';
import '../../lib/ops';
import { ones, zeros } from '../../lib/ops/create';
import { tensor } from '../../lib/tensor/create';
import { adopt, adoptApart, closeScope, openScope } from '../../lib/tensor/lifetime';
import { memory } from '../../lib/tensor/memory';
import { native } from '../../lib/native';
import { Tensor } from '../../lib/tensor/tensor';
import { jit } from '../../lib/transform';
import { liveTensors } from '../support/collect';
import { codeOf } from '../support/thrown';

const made = (): number => native().call(native().resolve('aten::zeros', 'zeros'), [8]) as number;

test('a scope releases what it does not keep', () => {
  const before = liveTensors();
  const scope = openScope('the test is over');
  const [kept, dropped] = [zeros([2]), zeros([2])];
  closeScope(scope, new Set([kept]));
  expect([kept.isDisposed, dropped.isDisposed]).toEqual([false, true]);
  expect(dropped._gone).toBe('the test is over');
  expect(memory().tensors - before).toBe(1);
  kept.dispose();
});

test('a scope hands what it keeps to the scope outside', () => {
  const outer = openScope('outer');
  const inner = openScope('inner');
  const x = zeros([2]);
  closeScope(inner, new Set([x]));
  expect(x.isDisposed).toBe(false);
  closeScope(outer, new Set());
  expect([x.isDisposed, x._gone]).toEqual([true, 'outer']);
});

test('a tensor that was made outside is none of the scope', () => {
  const x = zeros([2]);
  const scope = openScope('over');
  closeScope(scope, new Set());
  expect(x.isDisposed).toBe(false);
});

test('small tensors share a guard among eight; numbers, views of much and what a program returns by itself have their own', () => {
  // Nothing else is waiting for a guard afterwards: a group is full.
  while (zeros([3])._guard === undefined);
  const small = Array.from({ length: 8 }, () => zeros([3]));
  expect(new Set(small.map((x) => x._guard)).size).toBe(1);
  expect(small[0]?._guard).toBeDefined();

  const large = ones([1024]);
  const view = large.index(0);
  const sum = small[0]?.sum();
  const [one, other] = [adoptApart(made()), jit((x: Tensor) => x.add(1))(tensor([1, 2]))];
  const guards = [large, view, sum, one, other].map((x) => x?._guard);
  expect(guards.every((guard) => guard !== undefined)).toBe(true);
  expect(new Set(guards).size).toBe(5);

  const recorded = tensor([1, 2]).requiresGrad_().mul(2);
  expect(recorded._guard).toBeDefined();
});

test('small results of a program share a guard with the other parts of their node, and stand alone at the top', () => {
  const f = jit((x: Tensor) => ({
    model: { a: x.add(1), b: x.add(2), sum: x.sum() },
    loss: x.mean(),
    out: x.mul(2),
  }));
  const { model, loss, out } = f(tensor([1, 2]));
  expect(model.a._guard).toBe(model.b._guard);
  expect(new Set([model.a, model.sum, loss, out].map((x) => x._guard)).size).toBe(4);
  const many = jit((x: Tensor) => [Array.from({ length: 20 }, (_, i) => x.add(i))])(tensor([1, 2]))[0]!;
  expect(many.map((x) => x.toArray())).toEqual(Array.from({ length: 20 }, (_, i) => [1 + i, 2 + i]));
  expect(new Set(many.map((x) => x._guard)).size).toBe(3);
});

test('adopt takes handles with either sign', () => {
  const x = adopt(made());
  expect(x).toBeInstanceOf(Tensor);
  expect(x.shape).toEqual([8]);
  const y = adopt(-made());
  expect(y.shape).toEqual([8]);
});

test('a slot that is used again does not revive an old handle', () => {
  const x = zeros([2]);
  const stale = x._handle;
  x.dispose();
  for (let i = 0; i < 300; i++) {
    const next = zeros([2]);
    expect(next._handle).not.toBe(stale);
    if (i < 254) {
      expect(codeOf(() => native().shape(stale))).toBe('ERR_DISPOSED');
    }
    if (i === 200) break;
    next.dispose();
  }
});
