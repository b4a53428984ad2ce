import { isFull, runProgram } from '../support/program';

test('collections at every other step change no result and leave nothing', async () => {
  const { left } = await runProgram<{ left: number }>('stress.cjs', [], { nodeFlags: ['--expose-gc'] });
  // Up to seven small tensors wait for the eighth that shares their guard.
  expect(left).toBeLessThan(8);
}, 120_000);

test('under V8’s own stress of its collector too', async () => {
  const { left } = await runProgram<{ left: number }>('stress.cjs', [], {
    nodeFlags: ['--expose-gc', '--stress-compaction', '--gc-interval=500'],
  });
  expect(left).toBeLessThan(8);
}, 300_000);

test('live tensors are told apart, however many there are', async () => {
  // Handles have another form from 2^22 slots on; five million tensors take 4 GB.
  const count = isFull ? 5_000_000 : 100_000;
  const found = await runProgram<{ live: number; right: boolean; left: number }>('handles.cjs', [count]);
  expect(found).toMatchObject({ live: count, right: true });
  expect(found.left).toBeLessThan(20);
}, 600_000);
