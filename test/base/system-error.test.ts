import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { systemReason } from '../../lib/base/system-error';

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('systemReason', () => {
  test("leaves out the call and the path of a file system's error", () => {
    const error = thrown(() => readFileSync('/no/such, file'));
    expect(systemReason(error)).toBe('ENOENT: no such file or directory');
  });

  test('keeps messages without a code in front', () => {
    expect(systemReason(thrown(() => inflateSync(Buffer.from('no'))))).toBe('incorrect header check');
    expect(systemReason(new Error('one, two'))).toBe('one, two');
    expect(systemReason('text')).toBe('text');
  });
});
