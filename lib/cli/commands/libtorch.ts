import type { Command } from 'commander';
import { buildAddon, consoleReport, provisionLibtorch } from '../../setup';

interface InstallOptions {
  readonly cuda?: true;
}

/** `equinode libtorch install [--cuda]`: gets libtorch where none is, and builds the addon against it. */
export function addLibtorch(program: Command): void {
  const libtorch = program.command('libtorch').description('manage the libtorch that Equinode computes with');
  libtorch
    .command('install')
    .description('get libtorch (into the cache, unless one is there already) and build the native addon')
    .option('--cuda', 'take the CUDA build')
    .action(async (options: InstallOptions) => {
      const report = consoleReport();
      const found = await provisionLibtorch({ device: options.cuda === true ? 'cuda' : undefined, report });
      await buildAddon({ libtorch: found, report });
    });
}
