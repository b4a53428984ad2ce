import { optim, tensor } from '../../lib';

test('identity gives back updates and state', () => {
  const updates = { a: tensor([1]) };
  const step = optim.identity();
  const state = step.init(updates);
  const [same, next] = step.update(updates, state);
  expect(same).toBe(updates);
  expect(next).toBe(state);
});

test('a constant schedule is the same in every step', () => {
  const schedule = optim.constantSchedule(0.5);
  expect([schedule(tensor(0, { dtype: 'int32' })), schedule(tensor(9, { dtype: 'int32' }))]).toEqual([
    0.5, 0.5,
  ]);
});
