import { writeFileSync } from 'node:fs';
import { ZipWriter } from '../../lib/io/zip-writer';
import { useFolder } from '../support/folder';
import { testWithPython } from '../support/python';
import { unzip } from '../support/unzip';

const inFolder = useFolder();

function write(path: string, files: Iterable<readonly [string, readonly Uint8Array[]]>): string {
  const pieces: Uint8Array[] = [];
  const zip = new ZipWriter({ write: (bytes) => pieces.push(bytes) });
  for (const [name, content] of files) zip.add(name, () => content);
  zip.end();
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

const bytes = (text: string) => Buffer.from(text);

describe('ZipWriter', () => {
  test('files come back, in order, empty ones and names beyond ASCII too', async () => {
    const path = write(inFolder('a.zip'), [
      ['é/ü', [bytes('one '), bytes(''), bytes('two')]],
      ['empty', []],
    ]);
    const files = await unzip(path);
    expect(Object.entries(files).map(([name, content]) => [name, content.toString()])).toEqual([
      ['é/ü', 'one two'],
      ['empty', ''],
    ]);
  });

  test('an archive of nothing', async () => {
    expect(await unzip(write(inFolder('none.zip'), []))).toEqual({});
  });

  testWithPython('Python reads them, also more than zip could count before zip64', ['zipfile'], (python) => {
    const names = Array.from({ length: 70_000 }, (_, i) => [String(i), []] as const);
    const path = write(inFolder('many.zip'), [...names, ['last', [bytes('x')]]]);
    const script = `
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
print(len(archive.namelist()), archive.read('last'))
`;
    expect(python.run(script, path).trim()).toBe("70001 b'x'");
  });
});
