import { runProgram } from '../support/program';

test('errors may be thrown and caught while garbage is collected, any number of times', async () => {
  const flags = { nodeFlags: ['--max-semi-space-size=1'] };
  const found = await runProgram<{ caught: string[] }>('errors.cjs', [40_000], flags);
  expect(found.caught).toEqual(['ERR_SHAPE']);
}, 120_000);
