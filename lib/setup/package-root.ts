import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SetupError } from '../base/errors';

/** The folder of this package: a checkout, or an installed package. */
export function packageRoot(): string {
  // The sources and the compiled files lie at different depths.
  for (let folder = __dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (!existsSync(manifest)) continue;
    const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string };
    if (name === 'equinode') return folder;
  }
  throw new SetupError(
    `equinode: no package.json of equinode was found above ${__dirname}. Install it again.`,
  );
}
