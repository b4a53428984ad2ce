import { programPath, runNode } from '../support/program';

const isLinux = process.platform === 'linux';

(isLinux ? test : test.skip)(
  'where memory is short, garbage is collected before an operator gives up [needs the limits of Linux]',
  async () => {
    // The shell limits the address space of what it becomes; the program then leaves less free than it asks for.
    const script = 'ulimit -v 8000000; exec "$0" "$@"';
    const ended = await runNode(['-c', script, process.execPath, programPath('scarce.cjs')], {
      node: '/bin/sh',
    });
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toEqual({
      before: 1,
      after: 1,
      made: true,
      code: 'ERR_MEMORY',
      then: [2, 2],
    });
  },
);
