import { dtypeInfo, type DType } from '../base/dtype';
import { FormatError } from '../base/errors';
import { parsePythonLiteral, type PythonLiteral } from './python-literal';
import { describeArray, fromBigEndian, isPossibleShape } from './tensor-data';

/**
 * NOTE [npy layout]: an NPY file is `\x93NUMPY`, the format's version (two bytes), the header's length (uint16
 * little-endian in version 1, uint32 in 2 and 3), the header (a Python dict with the keys descr, fortran_order
 * and shape, in ASCII, or UTF-8 in version 3, padded so that the data begins at a multiple of 64 bytes), and the
 * elements. What is written here is version 1.0 byte for byte as NumPy >= 1.23 writes it. bfloat16, which NumPy
 * does not know, is `<V2`, as ml_dtypes (hence JAX and Equinox) writes it.
 * See https://numpy.org/doc/2.1/reference/generated/numpy.lib.format.html
 */
export interface NpyHeader {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

export interface NpyElement {
  readonly dtype: DType;
  readonly bigEndian: boolean;
}

const magic = Buffer.from('\x93NUMPY', 'latin1');
const alignmentBytes = 64;
/** NumPy leaves room for the first axis to grow to this many digits without moving the data. */
const growthDigits = 21;
/** Real headers have about a hundred bytes; more than this is damage, and is not worth the memory. */
const maxHeaderBytes = 1 << 16;

const codes: readonly (readonly [string, DType])[] = [
  ['f4', 'float32'],
  ['f8', 'float64'],
  ['f2', 'float16'],
  ['V2', 'bfloat16'],
  ['i8', 'int64'],
  ['i4', 'int32'],
  ['i2', 'int16'],
  ['i1', 'int8'],
  ['u1', 'uint8'],
  ['u2', 'uint16'],
  ['u4', 'uint32'],
  ['u8', 'uint64'],
  ['b1', 'bool'],
  ['c8', 'complex64'],
  ['c16', 'complex128'],
];
const dtypeByCode: ReadonlyMap<string, DType> = new Map(codes);
const codeByDType: ReadonlyMap<DType, string> = new Map(codes.map(([code, dtype]) => [dtype, code]));

/** NumPy's name of a dtype in an NPY header: `<f4`, `|b1`, `<V2` for bfloat16. */
export function npyDescr(dtype: DType): string {
  const code = codeByDType.get(dtype);
  if (code === undefined)
    throw new FormatError(`npy: expected a dtype that NPY files can hold, got ${dtype}.`);
  return (dtypeInfo(dtype).itemBytes === 1 ? '|' : '<') + code;
}

/** The dtype that a header's `descr` stands for; `undefined` for types that tensors do not have. */
export function npyElement(descr: string): NpyElement | undefined {
  const [, order, code] = /^([<>|=]?)(.+)$/.exec(descr) ?? [];
  const dtype = dtypeByCode.get(code === '?' ? 'b1' : (code ?? ''));
  return dtype === undefined ? undefined : { dtype, bigEndian: order === '>' };
}

/** What a header announces, as errors show it: `float32[2,3]`. */
export function describeHeader({ descr, shape }: NpyHeader): string {
  return describeArray(npyElement(descr)?.dtype ?? `elements of NumPy's type '${descr}', `, shape);
}

/** All that precedes the elements of an NPY file, version 1.0. */
export function npyPrefix(dtype: DType, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0] ?? 0},)` : `(${shape.join(', ')})`;
  let header = `{'descr': '${npyDescr(dtype)}', 'fortran_order': False, 'shape': ${tuple}, }`;
  if (shape.length > 0) header += ' '.repeat(Math.max(0, growthDigits - String(shape[0]).length));
  const prefixBytes = magic.length + 4;
  header += ' '.repeat(alignmentBytes - ((prefixBytes + header.length + 1) % alignmentBytes)) + '\n';
  const prefix = Buffer.alloc(prefixBytes + header.length);
  magic.copy(prefix);
  prefix[magic.length] = 1;
  prefix.writeUInt16LE(header.length, magic.length + 2);
  prefix.write(header, prefixBytes, 'latin1');
  return prefix;
}

/**
 * Reads an NPY header of version 1, 2 or 3 and not one byte more.
 *
 * @param read  gives exactly the next `length` bytes, or throws.
 * @throws ERR_FORMAT if the bytes are no NPY header; whatever they are, no more than 64 KiB is read.
 */
export function readNpyHeader(read: (length: number) => Uint8Array): NpyHeader {
  const start = read(magic.length + 2);
  if (magic.compare(start, 0, magic.length) !== 0) {
    throw new FormatError(`expected an NPY header, got bytes ${Buffer.from(start).toString('hex')}`);
  }
  const version = start[magic.length] ?? 0;
  if (version < 1 || version > 3) {
    throw new FormatError(`expected an NPY header of version 1, 2 or 3, got version ${version}`);
  }
  const lengthBytes = version === 1 ? 2 : 4;
  const length = Buffer.from(read(lengthBytes)).readUIntLE(0, lengthBytes);
  if (length > maxHeaderBytes) {
    throw new FormatError(`expected an NPY header of at most ${maxHeaderBytes} bytes, got one of ${length}`);
  }
  const text = Buffer.from(read(length)).toString(version === 3 ? 'utf8' : 'latin1');
  return checkHeader(parsePythonLiteral(text), text);
}

function checkHeader(value: PythonLiteral | undefined, text: string): NpyHeader {
  const fail = (what: string): never => {
    throw new FormatError(`expected ${what}, got ${JSON.stringify(text.trimEnd().slice(0, 200))}`);
  };
  if (!(value instanceof Map) || value.size !== 3) {
    return fail("an NPY header with the keys 'descr', 'fortran_order' and 'shape'");
  }
  const descr = value.get('descr');
  const fortranOrder = value.get('fortran_order');
  const shape = value.get('shape');
  if (typeof descr !== 'string') return fail('one element type in the NPY header');
  if (typeof fortranOrder !== 'boolean') return fail("'fortran_order' to be True or False in the NPY header");
  if (!isShape(shape)) return fail('a shape of non-negative integers in the NPY header');
  return { descr, fortranOrder, shape };
}

function isShape(value: PythonLiteral | undefined): value is number[] {
  const isCount = (length: PythonLiteral): length is number => typeof length === 'number' && length >= 0;
  return Array.isArray(value) && value.every(isCount) && isPossibleShape(value);
}

/** The elements as tensors keep them, little-endian and in C order; the same bytes where they are so already. */
export function npyElementsInOrder(bytes: Uint8Array, header: NpyHeader, element: NpyElement): Uint8Array {
  const { itemBytes } = dtypeInfo(element.dtype);
  const little = element.bigEndian ? fromBigEndian(bytes, element.dtype) : bytes;
  return header.fortranOrder && header.shape.length > 1
    ? fromFortranOrder(little, header.shape, itemBytes)
    : little;
}

function fromFortranOrder(bytes: Uint8Array, shape: readonly number[], itemBytes: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const strides: number[] = [];
  let stride = itemBytes;
  for (const length of shape) {
    strides.push(stride);
    stride *= length;
  }
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < bytes.length; to += itemBytes) {
    for (let byte = 0; byte < itemBytes; byte++) out[to + byte] = bytes[from + byte] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      from -= next * (strides[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return out;
}
