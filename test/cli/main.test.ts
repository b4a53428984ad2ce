import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { useFolder } from '../support/folder';

const inFolder = useFolder();

function equinode(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const result = spawnSync(process.execPath, ['--import', 'tsx', 'lib/cli/main.ts', ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

test('the version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(equinode(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
});

test('the help names the commands and the environment variables', () => {
  const { status, stdout } = equinode(['--help']);
  expect(status).toBe(0);
  for (const name of ['doctor', 'libtorch', 'EQUINODE_CACHE', 'EQUINODE_LIBTORCH'])
    expect(stdout).toContain(name);
});

test('an unknown command is an error with the help', () => {
  const { status, stderr } = equinode(['docter']);
  expect(status).toBe(1);
  expect(stderr).toContain("error: unknown command 'docter'");
  expect(stderr).toContain('Usage: equinode');
});

test('doctor prints JSON, and its status says whether all is well', () => {
  const { status, stdout } = equinode(['doctor', '--json'], { EQUINODE_LIBTORCH: inFolder('nowhere') });
  expect(status).toBe(1);
  const found = JSON.parse(stdout) as { ok: boolean; libtorch: { problem: string } };
  expect(found.ok).toBe(false);
  expect(found.libtorch.problem).toContain(inFolder('nowhere'));
});

test('an installation that cannot work is one message, not a stack trace', () => {
  const { status, stdout, stderr } = equinode(['libtorch', 'install'], {
    EQUINODE_LIBTORCH: inFolder('nowhere'),
  });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^EQUINODE_LIBTORCH: expected a folder .*\n$/);
});
