import { outputOf, run, tail } from '../../lib/setup/run';

const node = process.execPath;

test('a program that ends well or badly gives its status and output', async () => {
  const program = 'console.log("out"); console.error("err"); process.exit(3)';
  expect(await run(node, ['-e', program])).toEqual({
    status: 3,
    signal: null,
    stdout: 'out\n',
    stderr: 'err\n',
  });
});

test('a program that a signal ends gives the signal', async () => {
  const result = await run(node, ['-e', 'process.kill(process.pid, "SIGSEGV")']);
  expect(result).toMatchObject({ status: -1, signal: 'SIGSEGV' });
});

test('a program that is not there is a result too', async () => {
  const result = await run('equinode-no-such-program', []);
  expect(result.status).toBe(-1);
  expect(result.stderr).toContain('ENOENT');
});

test('variables are added to the environment', async () => {
  const result = await run(node, ['-p', 'process.env.ADDED + typeof process.env.PATH'], {
    env: { ADDED: 'x' },
  });
  expect(result.stdout).toBe('xstring\n');
});

test('the output of a program is trimmed, and undefined when it fails', () => {
  expect(outputOf(node, ['-p', '1 + 1'])).toBe('2');
  expect(outputOf(node, ['-e', 'process.exit(1)'])).toBeUndefined();
  expect(outputOf('equinode-no-such-program', [])).toBeUndefined();
});

test('the tail of a text is its last lines', () => {
  expect(tail('a\nb\nc\n', 2)).toBe('b\nc');
});
