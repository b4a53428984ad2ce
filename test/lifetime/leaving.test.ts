import { programPath, runNode } from '../support/program';

test.each(['await', 'exit', 'exit later', 'open transform', 'open trace'])(
  'a process that ends while programs run on other threads ends well: %s',
  async (way) => {
    const ended = await runNode([programPath('leaving.cjs'), way]);
    expect(ended).toEqual({ status: 0, signal: null, stdout: `{"way":"${way}"}\n`, stderr: '' });
  },
);

test('and one that throws, with its own error', async () => {
  const ended = await runNode([programPath('leaving.cjs'), 'throw']);
  expect([ended.status, ended.signal]).toEqual([1, null]);
  expect(ended.stderr).toContain('Error: on purpose');
});
