import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { ArgumentError } from '../../lib/base/errors';
import { atomicWrite } from '../../lib/io/atomic-write';
import { useFolder } from '../support/folder';

const inFolder = useFolder();
const bytes = (text: string) => Buffer.from(text);

function place(name: string): string {
  const path = inFolder(name);
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

describe('atomicWrite', () => {
  test('writes a new file and leaves nothing else behind', () => {
    const path = place('new/file');
    atomicWrite(path, 'save', (sink) => {
      sink.write(bytes('one '));
      sink.write(bytes('two'));
    });
    expect(readFileSync(path, 'utf8')).toBe('one two');
    expect(readdirSync(dirname(path))).toEqual(['file']);
  });

  test('a failure half-way keeps the old file, byte for byte, and its error', () => {
    const path = place('old/file');
    writeFileSync(path, 'old');
    expect(() => {
      atomicWrite(path, 'save', (sink) => {
        sink.write(bytes('half'));
        throw new RangeError('mine');
      });
    }).toThrow(new RangeError('mine'));
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(dirname(path))).toEqual(['file']);
  });

  test('until it is done, readers see the old file', () => {
    const path = place('readers/file');
    writeFileSync(path, 'old');
    atomicWrite(path, 'save', (sink) => {
      sink.write(bytes('new'));
      expect(readFileSync(path, 'utf8')).toBe('old');
    });
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  test("keeps an existing file's permissions", () => {
    const path = place('mode/file');
    writeFileSync(path, 'old');
    chmodSync(path, 0o640);
    atomicWrite(path, 'save', (sink) => sink.write(bytes('new')));
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  test('a link stays a link, and the file it names gets the content', () => {
    const target = place('link/target');
    const link = place('link/link');
    writeFileSync(target, 'old');
    symlinkSync('target', link);
    atomicWrite(link, 'save', (sink) => sink.write(bytes('new')));
    expect(readlinkSync(link)).toBe('target');
    expect(readFileSync(target, 'utf8')).toBe('new');
  });

  test('what is no regular file is written in place', () => {
    atomicWrite('/dev/null', 'save', (sink) => sink.write(bytes('new')));
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  test.each([
    ['a missing folder', () => inFolder('missing/file'), 'expected a place that can be written, got ENOENT'],
    ['a folder', () => dirname(place('folder/x')), 'expected the path of a file, got the folder'],
    [
      'a file as the folder',
      () => {
        writeFileSync(place('plain'), '');
        return inFolder('plain/file');
      },
      'expected a place that can be written, got ENOTDIR',
    ],
  ])('%s is a clear error, and the content is not even made', (_name, path, message) => {
    const at = path();
    const body = jest.fn();
    const write = () => {
      atomicWrite(at, 'save', body);
    };
    expect(write).toThrow(ArgumentError);
    expect(write).toThrow(`save: ${message}`);
    expect(body).not.toHaveBeenCalled();
  });
});
