import { join } from 'node:path';
import { FormatError, type EquinodeError } from '../../lib/base/errors';
import { checkScriptArchive } from '../../lib/io/script-archive';
import { useFolder } from '../support/folder';
import { op, pickleOf, tensorOp, writeArchive } from '../support/torch-file';
import { unzip } from '../support/unzip';

const inFolder = useFolder();
const program = join(__dirname, '../fixtures/io/program.pt');
let files: Record<string, Buffer>;
beforeAll(async () => {
  files = await unzip(program);
});

async function refused(changes: Readonly<Record<string, Buffer>>, message: string): Promise<void> {
  const path = writeArchive(inFolder('x.pt'), { ...files, ...changes });
  const error = await checkScriptArchive(path, 'load').then(
    () => undefined,
    (reason: unknown) => reason as EquinodeError,
  );
  expect(error?.message).toContain(message);
  expect(error?.message).toMatch(/^load: .* in .*x\.pt\.$/);
  expect(error).toBeInstanceOf(FormatError);
}

const code = (text: string) => ({ 'program/code/__torch__.py': Buffer.from(text) });
const data = (...operations: readonly Buffer[]) => ({ 'program/data.pkl': pickleOf(...operations) });
const constants = (...operations: readonly Buffer[]) => ({
  'program/constants.pkl': pickleOf(...operations),
});

describe('checkScriptArchive', () => {
  test("takes PyTorch's own file", async () => {
    await expect(checkScriptArchive(program, 'load')).resolves.toBeUndefined();
  });

  test.each<[string, () => Readonly<Record<string, Buffer>>, string]>([
    [
      'a storage that is smaller than it says',
      () => data(tensorOp('0', 1e6, 0, [1], [1])),
      'expected 4000000 bytes for the storage 0',
    ],
    [
      'a storage that is missing',
      () => constants(tensorOp('0', 4, 0, [4], [1])),
      'got no such file in the archive',
    ],
    [
      'a view that leads out of its storage',
      () => data(tensorOp('0', 2, 0, [2], [2])),
      'expected a view within the 2 elements',
    ],
    [
      'a pickle that is none',
      () => ({ 'program/data.pkl': Buffer.from('x') }),
      'expected operations that only make data',
    ],
    [
      'a call of what is no function',
      () => data(op.call(op.int(1))),
      'expected a call of what may be called',
    ],
    [
      'code that runs while the file is loaded',
      () => code('class A(Module):\n  def __setstate__(self): pass\n'),
      'one that runs code when it is loaded',
    ],
    ['deep brackets', () => code('('.repeat(1e6)), 'expected code nested at most 200 deep'],
    ['deep indentation', () => code(`${' '.repeat(1e5)}pass`), 'nested at most 200 deep'],
    ['a long chain of operators', () => code(`x = ${'-'.repeat(1e6)}y`), 'nested at most 200 deep'],
    ['a long sum', () => code(`x = ${'a + '.repeat(1e5)}a`), 'nested at most 200 deep'],
    ['a long chain of calls', () => code(`x = f${'()'.repeat(1e5)}`), 'nested at most 200 deep'],
    [
      'conditions within conditions',
      () => code(`x = ${'a if b else '.repeat(1e5)}a`),
      'nested at most 200 deep',
    ],
    [
      'a file beside the folder',
      () => ({ 'other/data/0': Buffer.from('') }),
      'expected all files in "program/", got "other/data/0"',
    ],
  ])('refuses %s', async (_name, changes, message) => {
    await refused(changes(), message);
  });

  test('lists of numbers are no nesting', async () => {
    const list = `x = [${'-1.5e-05, '.repeat(1e4)}2.]\n`;
    const path = writeArchive(inFolder('list.pt'), { ...files, ...code(list) });
    await expect(checkScriptArchive(path, 'load')).resolves.toBeUndefined();
  });
});
