// Formats the C++ sources, or checks their format: node scripts/clang-format.mjs --write | --check. The clang-format is
// the npm package's, so that every machine formats alike.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { getNativeBinary } = createRequire(import.meta.url)('clang-format');

const mode = process.argv[2];
if (mode !== '--write' && mode !== '--check') {
  console.error(`clang-format: expected --write or --check, got ${mode ?? 'nothing'}.`);
  process.exit(1);
}

const sources = readdirSync(join(root, 'native'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(h|cpp)$/.test(name))
  .map((name) => join('native', name))
  .sort();
const style = mode === '--write' ? ['-i'] : ['--dry-run', '--Werror'];
const result = spawnSync(getNativeBinary(), ['--style=file', ...style, ...sources], {
  cwd: root,
  stdio: 'inherit',
});
if (mode === '--check' && result.status !== 0) console.error('clang-format: run `npm run format`.');
process.exit(result.status ?? 1);
