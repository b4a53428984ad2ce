import { setTimeout } from 'node:timers/promises';
import { availableParallelism } from 'node:os';
import { native } from '../../lib/native';
import { InTurn } from '../../lib/transform/in-turn';

const threads = native().numThreads();

afterEach(() => {
  native().setNumThreads(threads);
});

/** Runs tasks that take these times in milliseconds; gives the order of what began and ended, and what settled. */
async function followed(times: readonly number[], alone: (i: number) => boolean) {
  const [inTurn, log, settled]: [InTurn, string[], number[]] = [new InTurn(), [], []];
  await Promise.all(
    times.map(async (time, i) => {
      await inTurn.run(alone(i), async () => {
        log.push(`begin ${i}`);
        await setTimeout(time);
        log.push(`end ${i}`);
      });
      settled.push(i);
    }),
  );
  return { log, settled };
}

describe('InTurn', () => {
  test('runs as many tasks at once as there are cores for, and settles in order', async () => {
    native().setNumThreads(1);
    const { log, settled } = await followed([60, 5, 5, 5], () => false);
    const cores = availableParallelism();
    expect(log.slice(0, Math.min(cores, 4))).toEqual([0, 1, 2, 3].slice(0, cores).map((i) => `begin ${i}`));
    expect(settled).toEqual([0, 1, 2, 3]);
    expect(log).toHaveLength(8);
  });

  test('runs one at a time where each takes all cores', async () => {
    native().setNumThreads(availableParallelism());
    const { log } = await followed([10, 5], () => false);
    expect(log).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1']);
  });

  test('runs nothing beside a task that is to be alone', async () => {
    native().setNumThreads(1);
    const { log } = await followed([10, 10, 10], (i) => i === 1);
    expect(log).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1', 'begin 2', 'end 2']);
  });

  test('passes errors on and goes on', async () => {
    const inTurn = new InTurn();
    const failed = inTurn.run(false, () => Promise.reject(new RangeError('this one')));
    const next = inTurn.run(false, () => Promise.resolve(3));
    await expect(failed).rejects.toThrow(new RangeError('this one'));
    await expect(next).resolves.toBe(3);
  });
});
