import { optim, tensor, type Tensor } from '../../lib';

test('sums decay, in the dtype that is asked for', () => {
  const step = optim.trace(0.5, { accumulatorDtype: 'bfloat16' });
  let state = step.init(tensor([1]));
  const seen: unknown[] = [];
  for (const g of [1, 1, 0]) {
    const [updates, next] = step.update(tensor([g]), state);
    seen.push(updates.toArray());
    state = next;
  }
  expect(seen).toEqual([[1], [1.5], [0.75]]);
  expect((state as { trace: Tensor }).trace.dtype).toBe('bfloat16');
});

test('with Nesterov, the update looks one step ahead', () => {
  const step = optim.trace(0.5, { nesterov: true });
  const [updates, state] = step.update(tensor([2]), step.init(tensor([1])));
  expect([updates.toArray(), (state as { trace: Tensor }).trace.toArray()]).toEqual([[3], [2]]);
});
