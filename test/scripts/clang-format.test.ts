import { spawnSync } from 'node:child_process';

test('the formatter wants to be told whether to write or to check', () => {
  const result = spawnSync(process.execPath, ['scripts/clang-format.mjs'], { encoding: 'utf8' });
  expect(result.status).toBe(1);
  expect(result.stderr).toBe('clang-format: expected --write or --check, got nothing.\n');
});
