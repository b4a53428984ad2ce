import { ArgumentError, optim, tensor } from '../../lib';
import { expectClose } from '../support/close';

const updates = [tensor([3]), null, tensor([[4]])];
const norms = (limit: number) => optim.clipByGlobalNorm(limit).update(updates, {})[0];

test('the global norm is that of all tensors together', () => {
  expect(optim.globalNorm(updates).item()).toBe(5);
  expect(optim.globalNorm([]).item()).toBe(0);
  expect(() => optim.globalNorm([1])).toThrow(ArgumentError);
});

test('updates above the limit are scaled down to it, others stay as they are', () => {
  // optax.clip_by_global_norm(1.0) of [3, 4]: [0.6, 0.8].
  const [a, nothing, b] = norms(1);
  expect(nothing).toBeNull();
  expectClose(a!, [0.6]);
  expectClose(b!, [[0.8]]);
  expect([norms(6)[0]?.toArray(), norms(6)[2]?.toArray()]).toEqual([[3], [[4]]]);
});

test('zeros stay zeros, and one NaN makes everything NaN, as in Optax', () => {
  const step = optim.clipByGlobalNorm(1);
  expect(step.update([tensor([0, 0])], {})[0][0]?.toArray()).toEqual([0, 0]);
  expect(step.update([tensor([NaN]), tensor([1])], {})[0][1]?.toArray()).toEqual([NaN]);
});

test('clip limits every element', () => {
  expect(
    optim
      .clip(1)
      .update(tensor([-3, 0.5, 3]), {})[0]
      .toArray(),
  ).toEqual([-1, 0.5, 1]);
});
