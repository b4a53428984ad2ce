import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { useFolder } from '../support/folder';

const inFolder = useFolder();

interface Answer {
  readonly status: number | null;
  readonly stderr: string;
}

/** Runs a script with a PATH that holds nothing but bash's needs and these programs. */
function runWith(
  script: string,
  programs: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Answer {
  const folder = inFolder(`path-${Math.random().toString(36).slice(2)}`);
  mkdirSync(folder);
  for (const name of ['bash', 'dirname', 'cat', 'env']) symlinkSync(whereIs(name), join(folder, name));
  for (const [name, body] of Object.entries(programs)) {
    const path = join(folder, name);
    if (body.startsWith('/')) symlinkSync(body, path);
    else {
      writeFileSync(path, `#!${join(folder, 'bash')}\n${body}\n`);
      chmodSync(path, 0o755);
    }
  }
  const result = spawnSync(join(folder, 'bash'), [script, ...args], {
    encoding: 'utf8',
    env: { PATH: folder, HOME: inFolder('home') },
  });
  return { status: result.status, stderr: result.stderr };
}

function whereIs(name: string): string {
  const folder = (process.env['PATH'] ?? '').split(delimiter).find((place) => existsSync(join(place, name)));
  return resolve(folder ?? '/usr/bin', name);
}

test('without Node the set-up says what is missing and stops', () => {
  const result = runWith('scripts/setup', {});
  expect(result.status).toBe(1);
  expect(result.stderr).toContain('Node >= 20.17 is missing');
});

test('with an old Node the set-up says so and stops', () => {
  const result = runWith('scripts/setup', {
    node: 'if [ "$1" = --version ]; then echo v18.20.4; else exit 1; fi',
  });
  expect(result.status).toBe(1);
  expect(result.stderr).toContain('expected Node >= 20.17, got v18.20.4');
});

test('where nothing may be installed, every missing program is named with the command, and nothing is done', () => {
  const result = runWith('scripts/setup', { node: process.execPath, npm: 'echo 11.0.0' });
  expect(result.status).toBe(1);
  expect(result.stderr).toBe(
    'setup: missing: a C++20 compiler (g++ 10 or newer), cmake 3.18 or newer, make or ninja. Nothing was changed. ' +
      'Install them, on Debian or Ubuntu with\n' +
      '  sudo apt-get update && sudo apt-get install -y g++ cmake make\nthen run this again.\n',
  );
});

test('a compiler without C++20 and an old cmake count as missing', () => {
  const result = runWith('scripts/setup', {
    node: process.execPath,
    npm: 'echo 11.0.0',
    'g++': 'exit 1',
    cmake: 'echo cmake version 3.10.2',
    make: 'exit 0',
  });
  expect(result.status).toBe(1);
  expect(result.stderr).toContain('missing: a C++20 compiler (g++ 10 or newer), cmake 3.18 or newer. ');
});

test('where apt may install, it is asked for what is missing; what it does not bring is an error', () => {
  const log = inFolder('apt.log');
  const programs = {
    node: process.execPath,
    npm: 'echo 11.0.0',
    cmake: 'echo cmake version 3.25.1',
    make: 'exit 0',
    // Root needs no sudo; anyone else has one here that asks no password.
    sudo: 'shift; exec "$@"',
    'apt-get': `echo "$DEBIAN_FRONTEND $*" >> ${log}`,
  };
  const result = runWith('scripts/setup', programs);
  expect(result.status).toBe(1);
  expect(result.stderr).toContain('installing system packages: g++\n');
  expect(result.stderr).toContain('still missing after the installation: a C++20 compiler');
  const asked = spawnSync('cat', [log], { encoding: 'utf8' }).stdout.split('\n');
  expect(asked.filter((line) => !line.endsWith('--version'))).toEqual([
    'noninteractive update -qq',
    'noninteractive install -y -qq --no-install-recommends g++',
    '',
  ]);
});

test('an unknown argument is an error before anything is done', () => {
  const result = runWith('scripts/setup', { node: process.execPath }, ['--fast']);
  expect(result.status).toBe(1);
  expect(result.stderr).toBe('setup: expected --strict or nothing, got --fast.\n');
});

test('quickstart --help tells what it does without doing it', () => {
  const result = spawnSync('bash', ['scripts/quickstart', '--help'], { encoding: 'utf8' });
  expect(result.status).toBe(0);
  expect(result.stdout).toContain('Usage: scripts/quickstart [options of examples/mnist.ts]');
});
