import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, freemem } from 'node:os';
import { dirname, join } from 'node:path';
import { SetupError } from '../base/errors';
import type { Libtorch } from './libtorch';
import { packageRoot } from './package-root';
import { consoleReport } from './report';
import type { Report } from './report';
import { run, tail } from './run';
import { missingTools } from './toolchain';

// What a file of the addon takes to compile against libtorch's headers, generously.
const bytesPerCompiler = 2e9;

export interface BuildOptions {
  readonly libtorch: Libtorch;
  /** Whether a compiler warning fails the build. A build that was strict once stays so, to spare a second build. */
  readonly warningsAsErrors?: boolean | undefined;
  readonly report?: Report | undefined;
}

/** What a build folder was configured for; another answer means a fresh build. */
interface Configuration {
  readonly libtorch: string;
  readonly version: string;
  readonly warningsAsErrors: boolean;
}

/** Where the built addon lies. */
export function addonPath(): string {
  return join(packageRoot(), 'build', 'Release', 'equinode.node');
}

/**
 * Builds the addon against a libtorch, as far as it is not up to date, and tries to load it in a process of its own.
 *
 * @returns The path of the addon.
 * @throws ERR_SETUP when a program is missing, the build fails, or what was built does not load.
 */
export async function buildAddon(options: BuildOptions): Promise<string> {
  const report = options.report ?? consoleReport();
  const missing = missingTools();
  if (missing.length > 0) {
    const packages = missing.map((tool) => tool.debianPackage).join(' ');
    throw new SetupError(
      `equinode: building the addon needs ${missing.map((tool) => tool.what).join(', ')}. ` +
        `Run \`apt-get install ${packages}\` (or your system's counterpart), then this command again.`,
    );
  }
  const root = packageRoot();
  // Not `build` itself: that is node-gyp's folder while it runs binding.gyp.
  const build = join(root, 'build', 'cmake');
  const stamp = join(build, 'equinode-build.json');
  const last = readConfiguration(stamp);
  const wanted: Configuration = {
    libtorch: options.libtorch.root,
    version: options.libtorch.version,
    warningsAsErrors: options.warningsAsErrors === true || last?.warningsAsErrors === true,
  };
  if (!isSame(last, wanted) || !existsSync(join(build, 'CMakeCache.txt'))) {
    // CMake keeps what it found the last time, so another libtorch needs an empty folder.
    rmSync(build, { recursive: true, force: true });
    mkdirSync(build, { recursive: true });
    await cmake('configure', build, configureArguments(wanted), report);
    writeFileSync(stamp, JSON.stringify(wanted, undefined, 2));
  }
  report.line('building the native addon (a first build takes some minutes)');
  await cmake('build', build, [`--parallel=${jobCount()}`], report);
  const addon = addonPath();
  const refusal = await loadingError(addon);
  if (refusal !== undefined) {
    throw new SetupError(`equinode: the addon was built, but does not load: ${refusal}.`);
  }
  report.line(`the addon is built: ${addon}`);
  return addon;
}

/** Loads the addon in a process of its own: a crash there is an answer here. `undefined` when it loads. */
export async function loadingError(addon: string): Promise<string | undefined> {
  if (!existsSync(addon)) return `there is no ${addon}`;
  const result = await run(process.execPath, [
    '-e',
    'try { require(process.argv[1]) } catch (error) { console.error(error.message); process.exit(1) }',
    addon,
  ]);
  if (result.status === 0) return undefined;
  if (result.signal !== null) return `loading it ended the process with ${result.signal}`;
  return tail(result.stderr, 1);
}

function readConfiguration(stamp: string): Configuration | undefined {
  try {
    return JSON.parse(readFileSync(stamp, 'utf8')) as Configuration;
  } catch {
    // None, or one that an interrupted set-up cut short: build afresh.
    return undefined;
  }
}

function isSame(last: Configuration | undefined, wanted: Configuration): boolean {
  return (
    last?.libtorch === wanted.libtorch &&
    last.version === wanted.version &&
    last.warningsAsErrors === wanted.warningsAsErrors
  );
}

function configureArguments(wanted: Configuration): string[] {
  const here = createRequire(__filename);
  // A package manager may have put the headers beside this package instead of below it.
  const nodeModules = dirname(dirname(here.resolve('node-addon-api/package.json')));
  return [
    `--CDCMAKE_PREFIX_PATH=${wanted.libtorch}`,
    `--CDCMAKE_LIBRARY_OUTPUT_DIRECTORY=${dirname(addonPath())}`,
    `--CDNODE_MODULES=${nodeModules}`,
    `--CDEQUINODE_WERROR=${wanted.warningsAsErrors ? 'ON' : 'OFF'}`,
  ];
}

function jobCount(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / bytesPerCompiler)));
}

async function cmake(command: string, build: string, args: readonly string[], report: Report): Promise<void> {
  const cmakeJs = createRequire(__filename).resolve('cmake-js/bin/cmake-js');
  const root = packageRoot();
  const result = await run(
    process.execPath,
    [cmakeJs, command, '--directory', root, '--out', build, '--log-level', 'error', ...args],
    { showOutput: true, cwd: root },
  );
  if (result.status === 0) return;
  report.line(tail(result.stdout + result.stderr));
  throw new SetupError(
    `equinode: the native build failed (cmake-js ${command}); its reasons stand above. ` +
      `Delete ${build} to start afresh.`,
  );
}
