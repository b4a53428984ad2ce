import { gzipSync } from 'node:zlib';
import { FormatError } from '../../lib/base/errors';
import { parseIdx } from '../../lib/data/idx';

/** An IDX file as the format's description lays it out. */
function idx(code: number, shape: readonly number[], data: readonly number[]): Uint8Array {
  const lengths = shape.flatMap((n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
  return Uint8Array.from([0, 0, code, shape.length, ...lengths, ...data]);
}

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

describe('parseIdx', () => {
  test('reads bytes in place', () => {
    const file = idx(0x08, [2, 3], [1, 2, 3, 4, 5, 255]);
    const { shape, values } = parseIdx(file, 'f');
    expect(shape).toEqual([2, 3]);
    expect(values).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 255));
    expect(values.buffer).toBe(file.buffer);
  });

  test('reads every element type of the format, big-endian', () => {
    expect(parseIdx(idx(0x09, [2], [255, 127]), 'f').values).toEqual(Int8Array.of(-1, 127));
    expect(parseIdx(idx(0x0b, [2], [1, 0, 255, 254]), 'f').values).toEqual(Int16Array.of(256, -2));
    expect(parseIdx(idx(0x0c, [1], [0, 1, 0, 0]), 'f').values).toEqual(Int32Array.of(65536));
    expect(parseIdx(idx(0x0d, [1], [0xc0, 0x20, 0, 0]), 'f').values).toEqual(Float32Array.of(-2.5));
    const half = [0x3f, 0xe0, 0, 0, 0, 0, 0, 0];
    expect(parseIdx(idx(0x0e, [1], half), 'f').values).toEqual(Float64Array.of(0.5));
  });

  test('reads a file that is a slice of a larger buffer', () => {
    const padded = Uint8Array.from([9, 9, 9, ...idx(0x0b, [1], [0, 7])]);
    expect(parseIdx(padded.subarray(3), 'f').values).toEqual(Int16Array.of(7));
  });

  test('reads gzip-compressed files, and empty arrays', () => {
    expect(parseIdx(gzipSync(idx(0x08, [3], [7, 8, 9])), 'f').values).toEqual(Uint8Array.of(7, 8, 9));
    expect(parseIdx(idx(0x08, [0, 28, 28], []), 'f')).toEqual({
      shape: [0, 28, 28],
      values: new Uint8Array(),
    });
  });

  test('a truncated file names the file, the bytes expected and the bytes found', () => {
    expect(failure(() => parseIdx(idx(0x08, [2, 3], [1, 2, 3, 4, 5]), 'train-images'))).toBe(
      'parseIdx: expected 18 bytes for uint8[2,3], got 17 bytes in train-images.',
    );
    expect(failure(() => parseIdx(Uint8Array.of(0, 0, 8), 'x'))).toBe(
      'parseIdx: expected an IDX header of at least 4 bytes, got a file of 3 bytes in x.',
    );
    expect(failure(() => parseIdx(Uint8Array.of(0, 0, 8, 3, 0, 0), 'x'))).toBe(
      'parseIdx: expected an IDX header of 16 bytes for 3 axes, got a file of 6 bytes in x.',
    );
  });

  test('left-over bytes are an error', () => {
    expect(failure(() => parseIdx(idx(0x08, [1], [1, 2]), 'x'))).toBe(
      'parseIdx: expected 9 bytes for uint8[1], got 10 bytes in x.',
    );
  });

  test('lengths whose product no memory holds are an error, not an allocation', () => {
    const huge = 0xffffffff;
    expect(failure(() => parseIdx(idx(0x0e, [huge, huge, huge], []), 'x'))).toContain('got 16 bytes in x.');
  });

  test.each([
    ['other leading bytes', Uint8Array.from(Buffer.from('PK\x03\x04zip!'))],
    ['an unknown element type', idx(0x0a, [1], [1])],
    ['no axes', idx(0x08, [], [1])],
  ])('%s: not an IDX file', (_name, bytes) => {
    expect(failure(() => parseIdx(bytes, 'x'))).toContain(
      'expected an IDX magic number such as 00000803, got ',
    );
  });

  test('a damaged gzip stream names the file', () => {
    const cut = gzipSync(idx(0x08, [3], [7, 8, 9])).subarray(0, 20);
    expect(failure(() => parseIdx(cut, 'x.gz'))).toBe(
      'parseIdx: expected a complete gzip stream, got unexpected end of file in x.gz.',
    );
  });
});
