import { spawnSync } from 'node:child_process';
import type { ProbeLine } from '../../lib/cli/probe';

test('the probe loads the addon, multiplies and differentiates, and says each step before it', () => {
  const result = spawnSync(process.execPath, ['--import', 'tsx', 'lib/cli/probe.ts'], { encoding: 'utf8' });
  const lines = result.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ProbeLine);
  expect(lines.slice(0, 3)).toEqual([{ step: 'load' }, { step: 'matmul' }, { step: 'backward' }]);
  // X X and 1 X^T + X^T 1 for X = [[1, 2], [3, 4]], by hand.
  expect(lines[3]).toMatchObject({ result: { matmul: [7, 10, 15, 22], gradient: [7, 11, 9, 13] } });
  expect(result.status).toBe(0);
});
