import { gunzipSync } from 'node:zlib';
import { FormatError } from '../base/errors';
import { systemReason } from '../base/system-error';

/** The values of an IDX file, in the machine's byte order. */
export type IdxValues = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

export interface IdxArray {
  readonly shape: readonly number[];
  /** `shape`'s elements in C order. For one-byte types, a view of the bytes that were given. */
  readonly values: IdxValues;
}

interface ElementType {
  readonly name: string;
  readonly itemBytes: number;
  readonly make: (buffer: ArrayBuffer, offset: number, length: number) => IdxValues;
}

const elementTypes: ReadonlyMap<number, ElementType> = new Map([
  [0x08, { name: 'uint8', itemBytes: 1, make: (b, o, n) => new Uint8Array(b, o, n) }],
  [0x09, { name: 'int8', itemBytes: 1, make: (b, o, n) => new Int8Array(b, o, n) }],
  [0x0b, { name: 'int16', itemBytes: 2, make: (b, o, n) => new Int16Array(b, o, n) }],
  [0x0c, { name: 'int32', itemBytes: 4, make: (b, o, n) => new Int32Array(b, o, n) }],
  [0x0d, { name: 'float32', itemBytes: 4, make: (b, o, n) => new Float32Array(b, o, n) }],
  [0x0e, { name: 'float64', itemBytes: 8, make: (b, o, n) => new Float64Array(b, o, n) }],
]);

/**
 * Parses an IDX file, the format of the MNIST files: two zero bytes, the element type, the number of axes, the
 * length of each axis as a big-endian uint32, then the elements in C order and big-endian.
 *
 * @param bytes  the file's content, plain or gzip-compressed.
 * @param file  the file's name, for error messages.
 * @returns the shape and the values.
 * @throws ERR_FORMAT if the header is not IDX, if bytes are missing or left over, or if the gzip stream is
 *   damaged; the message names the file and the bytes that were expected and found.
 * @see http://yann.lecun.com/exdb/mnist, "The IDX file format".
 */
export function parseIdx(bytes: Uint8Array, file: string): IdxArray {
  const content = isGzip(bytes) ? gunzip(bytes, file) : bytes;
  const fail = (expected: string, got: string): never => {
    throw new FormatError(`parseIdx: expected ${expected}, got ${got} in ${file}.`, { op: 'parseIdx' });
  };
  const length = content.byteLength;
  if (length < 4) return fail('an IDX header of at least 4 bytes', `a file of ${length} bytes`);
  const [zero0, zero1, code, axisCount] = content as unknown as [number, number, number, number];
  const type = elementTypes.get(code);
  if (zero0 !== 0 || zero1 !== 0 || type === undefined || axisCount === 0) {
    const magic = Buffer.from(content.buffer, content.byteOffset, 4).toString('hex');
    return fail('an IDX magic number such as 00000803', magic);
  }
  const headerBytes = 4 + 4 * axisCount;
  if (length < headerBytes) {
    return fail(`an IDX header of ${headerBytes} bytes for ${axisCount} axes`, `a file of ${length} bytes`);
  }
  const view = new DataView(content.buffer, content.byteOffset, length);
  const shape = Array.from({ length: axisCount }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = shape.reduce((product, axisLength) => product * axisLength, 1);
  const expectedBytes = headerBytes + count * type.itemBytes;
  if (length !== expectedBytes) {
    return fail(`${expectedBytes} bytes for ${type.name}[${shape.join(',')}]`, `${length} bytes`);
  }
  if (type.itemBytes === 1) {
    const values = type.make(content.buffer as ArrayBuffer, content.byteOffset + headerBytes, count);
    return { shape, values };
  }
  const own = Buffer.from(content.subarray(headerBytes));
  if (type.itemBytes === 2) own.swap16();
  else if (type.itemBytes === 4) own.swap32();
  else own.swap64();
  // A small Buffer may lie at any offset of Node's pool, which typed arrays do not take.
  const aligned = new Uint8Array(own).buffer;
  return { shape, values: type.make(aligned, 0, count) };
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

function gunzip(bytes: Uint8Array, file: string): Uint8Array {
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw new FormatError(
      `parseIdx: expected a complete gzip stream, got ${systemReason(cause)} in ${file}.`,
      {
        op: 'parseIdx',
        cause,
      },
    );
  }
}
