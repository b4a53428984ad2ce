// Gets a libtorch and builds the addon against it, as far as that is not done: the native half of scripts/setup, of
// `npm run build` and of binding.gyp. `--strict` makes compiler warnings errors.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const compiled = fileURLToPath(new URL('../dist/lib/setup/index.js', import.meta.url));
if (!existsSync(compiled)) {
  console.error('build-native: the TypeScript is not compiled. Run `npm run build:ts` first.');
  process.exit(1);
}
const { buildAddon, consoleReport, provisionLibtorch } = createRequire(import.meta.url)(compiled);

try {
  const report = consoleReport();
  const libtorch = await provisionLibtorch({ report });
  await buildAddon({ libtorch, warningsAsErrors: process.argv.includes('--strict'), report });
} catch (error) {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_SETUP') throw error;
  console.error(error.message);
  process.exitCode = 1;
}
