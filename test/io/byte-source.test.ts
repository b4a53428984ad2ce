import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { ArgumentError, FormatError } from '../../lib/base/errors';
import { ByteReader, sourceOfBytes, sourceOfFile, withFileSource } from '../../lib/io/byte-source';
import { useFolder } from '../support/folder';

const inFolder = useFolder();

describe('ByteReader', () => {
  test('joins what a source gives in pieces, and counts', () => {
    let next = 0;
    const reader = new ByteReader({ read: () => Uint8Array.of(next++) }, 'pieces');
    expect([...reader.read(3)]).toEqual([0, 1, 2]);
    expect(reader.position).toBe(3);
    expect(reader.read(0)).toHaveLength(0);
  });

  test('the end before time says how much was missing', () => {
    const reader = new ByteReader(sourceOfBytes(new Uint8Array(5)), 'short');
    expect(() => reader.read(8)).toThrow(
      new FormatError('expected 8 more bytes, got the end of the data after 5'),
    );
  });

  test('asking for more bytes than memory holds fails at the end of the data', () => {
    const reader = new ByteReader(sourceOfBytes(new Uint8Array(5)), 'short');
    expect(() => reader.read(2 ** 50)).toThrow(FormatError);
  });

  test('a source that gives too much is an error', () => {
    const reader = new ByteReader({ read: () => new Uint8Array(9) }, 'generous');
    expect(() => reader.read(8)).toThrow(ArgumentError);
  });

  test('null and no bytes are both the end', () => {
    expect(new ByteReader({ read: () => null }, 'x').takeEnd()).toBe(true);
    expect(new ByteReader(sourceOfBytes(new Uint8Array()), 'x').takeEnd()).toBe(true);
    expect(new ByteReader(sourceOfBytes(new Uint8Array(1)), 'x').takeEnd()).toBe(false);
  });
});

describe('files', () => {
  test('an open file is read from where it stands, and left after the last byte read', () => {
    writeFileSync(inFolder('f'), 'headdatatail');
    const file = openSync(inFolder('f'), 'r');
    try {
      readSync(file, Buffer.alloc(4));
      expect(Buffer.from(new ByteReader(sourceOfFile(file), 'f').read(4)).toString()).toBe('data');
      const rest = Buffer.alloc(4);
      readSync(file, rest);
      expect(rest.toString()).toBe('tail');
    } finally {
      closeSync(file);
    }
  });

  test('a path is opened and closed', () => {
    writeFileSync(inFolder('g'), 'abc');
    expect(withFileSource(inFolder('g'), 'load', (source) => source.read(10))?.length).toBe(3);
  });

  test.each([
    ['no file', () => inFolder('missing'), 'load: expected a file that can be read, got ENOENT'],
    ['a folder', () => inFolder('.'), 'load: expected a file that can be read, got the folder'],
  ])('%s is a clear error', (_name, path, message) => {
    const open = () => withFileSource(path(), 'load', () => 1);
    expect(open).toThrow(ArgumentError);
    expect(open).toThrow(message);
  });
});
