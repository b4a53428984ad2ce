import { native } from '../../lib/native';

/** `checkpoints,steps`: the steps that are computed on the way back. From Equinox's test_backward_checkpointed. */
const table: Readonly<Record<string, string>> = {
  '1,3': '0,1,2,0,1,0',
  '1,5': '0,1,2,3,4,0,1,2,3,0,1,2,0,1,0',
  '2,8': '7,0,1,2,3,4,5,6,3,4,5,3,4,3,0,1,2,1,0',
  '3,11': '10,4,5,6,7,8,9,7,8,7,4,5,6,5,4,0,1,2,3,2,1,0',
  '9,5': '4,3,2,1,0',
  '2,5': '3,4,3,0,1,2,1,0',
  '4,4': '3,2,1,0',
  '4,5': '3,4,3,2,1,0',
  '4,6': '5,2,3,4,3,2,1,0',
  '4,7': '6,5,2,3,4,3,2,0,1,0',
  '4,8': '7,6,5,0,1,2,3,4,3,2,1,0',
  '4,9': '7,8,7,6,5,0,1,2,3,4,3,2,1,0',
  '4,10': '9,6,7,8,7,6,5,0,1,2,3,4,3,2,1,0',
  '4,11': '10,9,5,6,7,8,7,6,5,0,1,2,3,4,3,2,1,0',
  '4,12': '10,11,10,9,5,6,7,8,7,6,5,0,1,2,3,4,3,2,1,0',
  '4,13': '12,9,10,11,10,9,5,6,7,8,7,6,5,0,1,2,3,4,3,2,1,0',
  '4,14': '12,13,12,9,10,11,10,9,5,6,7,8,7,6,5,0,1,2,3,4,3,2,1,0',
};

test('steps are computed again in the order that Equinox has, with a bound and without', () => {
  for (const [key, order] of Object.entries(table)) {
    const [checkpoints = 0, steps = 0] = key.split(',').map(Number);
    for (const maxSteps of [-1, steps]) {
      const places = maxSteps < 0 ? checkpoints : Math.min(checkpoints, maxSteps);
      expect([key, maxSteps, native().recomputedSteps(places, steps, maxSteps).join()]).toEqual([
        key,
        maxSteps,
        order,
      ]);
    }
  }
});

test('a loop of no steps has nothing to compute again, and every step is turned once', () => {
  expect(native().recomputedSteps(3, 0, -1)).toEqual([]);
  for (let steps = 1; steps < 60; steps++) {
    const order = native().recomputedSteps(5, steps, -1);
    // A turn takes the latest step that is not behind: so each step's last appearance is in falling order.
    const last = [...new Set([...order].reverse())].reverse();
    expect(last).toEqual(Array.from({ length: steps }, (_, i) => steps - 1 - i));
  }
});
