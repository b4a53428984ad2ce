import { isFull, runProgram } from '../support/program';

interface Training {
  /** Resident memory in MB, at every hundredth step. */
  readonly samples: readonly number[];
  readonly first: number;
  readonly last: number;
  readonly tensors: number;
}

test.each([
  ['jit', isFull ? 20_000 : 2_000],
  ['eager', isFull ? 20_000 : 1_000],
])(
  '%s: %d training steps stay flat, within 20 MB after the first 500',
  async (mode, steps) => {
    const found = await runProgram<Training>('training.cjs', [mode, steps, 'dropped']);
    expect(found.last).toBeLessThan(found.first / 10);
    expect(found.samples.length).toBe(steps / 100);
    const start = Math.max(...found.samples.slice(0, 5));
    expect(Math.max(...found.samples.slice(5)) - start).toBeLessThan(20);
  },
  600_000,
);

test.each(['jit', 'eager'])(
  '%s: the losses that a program keeps are all that is left of its steps',
  async (mode) => {
    const steps = 500;
    const found = await runProgram<Training>('training.cjs', [mode, steps, 'kept'], {
      nodeFlags: ['--expose-gc'],
    });
    // A model with its optimiser's state, data, and small tensors that wait for a guard.
    expect(found.tensors).toBeGreaterThan(steps);
    expect(found.tensors).toBeLessThan(steps + 100);
  },
  600_000,
);
