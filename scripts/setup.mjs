// The steps of scripts/setup, which has made sure that this Node is new enough. Nothing of node_modules is used before
// it is installed. Each step looks first whether there is anything to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const root = fileURLToPath(new URL('..', import.meta.url));

const compiledStamp = join(root, 'dist', '.complete');

/** @typedef {{what: string, debianPackage: string, isThere: () => boolean}} Requirement */

/** @type {Requirement[]} */
const requirements = [
  { what: 'npm', debianPackage: 'npm', isThere: () => works('npm', ['--version']) },
  { what: 'a C++20 compiler (g++ 10 or newer)', debianPackage: 'g++', isThere: compilesCpp20 },
  { what: 'cmake 3.18 or newer', debianPackage: 'cmake', isThere: hasCmake },
  {
    what: 'make or ninja',
    debianPackage: 'make',
    isThere: () => works('make', ['--version']) || works('ninja', ['--version']),
  },
];

const started = performance.now();
const strict = process.argv.includes('--strict');
const unknown = process.argv.slice(2).filter((argument) => argument !== '--strict');
if (unknown.length > 0) fail(`expected --strict or nothing, got ${unknown.join(' ')}.`);

provideSystemPackages();
if (!isInstalled()) {
  say('installing npm packages');
  step('npm ci', 'npm', ['ci', '--no-audit', '--no-fund']);
}
if (!isCompiled()) {
  say('compiling TypeScript');
  step('the TypeScript build', process.execPath, [
    'node_modules/typescript/bin/tsc',
    '-p',
    'tsconfig.build.json',
  ]);
  writeFileSync(compiledStamp, '');
}
step('the native build', process.execPath, ['scripts/build-native.mjs', ...(strict ? ['--strict'] : [])]);
say(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);

function provideSystemPackages() {
  const missing = requirements.filter((requirement) => !requirement.isThere());
  if (missing.length === 0) return;
  const what = missing.map((requirement) => requirement.what).join(', ');
  const packages = missing.map((requirement) => requirement.debianPackage);
  const prefix = rootPrefix();
  if (prefix === undefined || !works('apt-get', ['--version'])) {
    fail(
      `missing: ${what}. Nothing was changed. Install them, on Debian or Ubuntu with\n` +
        `  sudo apt-get update && sudo apt-get install -y ${packages.join(' ')}\nthen run this again.`,
    );
  }
  say(`installing system packages: ${packages.join(' ')}`);
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  apt(prefix, ['update', '-qq'], environment);
  apt(prefix, ['install', '-y', '-qq', '--no-install-recommends', ...packages], environment);
  const still = requirements.filter((requirement) => !requirement.isThere());
  if (still.length > 0) {
    fail(`still missing after the installation: ${still.map((requirement) => requirement.what).join(', ')}.`);
  }
}

/**
 * What stands before a command that needs root: nothing for root, sudo where it asks no password.
 * @returns {string[] | undefined}
 */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return works('sudo', ['-n', 'true']) ? ['sudo', '-n'] : undefined;
}

/**
 * @param {string[]} prefix
 * @param {string[]} args
 * @param {Record<string, string>} environment
 */
function apt(prefix, args, environment) {
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const [program = '', ...rest] = [...prefix, 'env', ...settings, 'apt-get', ...args];
  step(`apt-get ${args.join(' ')}`, program, rest);
}

/** Whether node_modules is what package-lock.json says, by the record that npm keeps of what it installed. */
function isInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const manifest = readJson('package.json');
  const wanted = readJson('package-lock.json').packages;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  const top = wanted[''];
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    if (JSON.stringify(sorted(manifest[kind])) !== JSON.stringify(sorted(top[kind]))) return false;
  }
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const isOptional = entry.optional === true || entry.devOptional === true;
    const there = installed[path];
    if (
      there === undefined ? !isOptional : there.version !== entry.version || !existsSync(join(root, path))
    ) {
      return false;
    }
  }
  return Object.keys(installed).every((path) => wanted[path] !== undefined);
}

/** Whether nothing that the compiler reads has changed since it last came to its end. */
function isCompiled() {
  if (!existsSync(compiledStamp)) return false;
  const inputs = ['lib', 'tsconfig.base.json', 'tsconfig.build.json', 'package.json', 'package-lock.json'];
  // A folder's own time tells of files that were added or removed.
  const below = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).map((name) =>
    join('lib', name),
  );
  const done = statSync(compiledStamp).mtimeMs;
  return [...inputs, ...below].every((path) => statSync(join(root, path)).mtimeMs < done);
}

/** @param {Record<string, string> | undefined} dependencies */
function sorted(dependencies = {}) {
  return Object.entries(dependencies).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

function compilesCpp20() {
  const source = '#include <concepts>\nstatic_assert(std::same_as<int, int>);\nint main() {}\n';
  return ['c++', 'g++', 'clang++'].some(
    (compiler) =>
      spawnSync(compiler, ['-std=c++20', '-fsyntax-only', '-x', 'c++', '-'], { input: source }).status === 0,
  );
}

function hasCmake() {
  const version = spawnSync('cmake', ['--version'], { encoding: 'utf8' });
  const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version.stdout ?? '') ?? []).map(Number);
  return major > 3 || (major === 3 && minor >= 18);
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function works(program, args) {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/**
 * Runs a step with its output shown, and ends everything if it fails.
 * @param {string} what
 * @param {string} program
 * @param {string[]} args
 */
function step(what, program, args) {
  const result = spawnSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.signal !== null) process.exit(130);
  if (result.status !== 0) fail(`${what} failed; the reasons stand above.`);
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

/**
 * @param {string} text
 * @returns {never}
 */
function fail(text) {
  say(text);
  process.exit(1);
}
