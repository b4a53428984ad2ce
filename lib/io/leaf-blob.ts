import { Complex } from '../base/complex';
import { dtypeInfo, isDType, type DType } from '../base/dtype';
import { ArgumentError, FormatError } from '../base/errors';
import { to } from '../ops';
import { fromBuffer } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import { MismatchError } from './mismatch';
import { describeHeader, npyElement, npyElementsInOrder, npyPrefix, readNpyHeader } from './npy';
import { asBooleans, describeArray, sameShape, tensorPieces } from './tensor-data';

/** The values of a leaf as one NPY array: what is written, or what a file must hold to be read into the leaf. */
interface LeafArray {
  readonly dtypes: readonly [DType, ...DType[]];
  readonly shape: readonly number[];
  /** How the leaf is called in errors: `float32[2,3]`, `a number`. */
  readonly name: string;
  readonly toPieces: () => Iterable<Uint8Array>;
  /** Keeps the bytes, which nobody else holds. */
  readonly fromBytes: (bytes: Uint8Array, dtype: DType) => unknown;
}

/**
 * A leaf as an NPY file: tensors and typed arrays as they are, numbers as a 0-d float64, bigints as int64,
 * booleans as bool, `Complex` as complex128.
 *
 * @returns the bytes in pieces; none for a leaf that is not saved: strings, functions, objects.
 */
export function* leafToBlob(leaf: unknown): Iterable<Uint8Array> {
  const array = leafArray(leaf);
  if (array === undefined) return;
  yield npyPrefix(array.dtypes[0], array.shape);
  yield* array.toPieces();
}

/**
 * Reads one NPY file as a leaf like `like`.
 *
 * @param read  gives exactly the next `length` bytes, which nobody else holds, or throws.
 * @returns a value of `like`'s kind, dtype, shape and device; `like` itself if it is of a kind that is not saved.
 * @throws ERR_FORMAT if the bytes are damaged, or hold something else than `like` does; then no elements were read.
 */
export function leafFromBlob(read: (length: number) => Uint8Array, like: unknown): unknown {
  const array = leafArray(like);
  if (array === undefined) return like;
  const header = readNpyHeader(read);
  const element = npyElement(header.descr);
  const fits =
    element !== undefined && array.dtypes.includes(element.dtype) && sameShape(header.shape, array.shape);
  if (!fits) {
    throw new MismatchError(describeHeader(header), array.name);
  }
  const count = header.shape.reduce((product, length) => product * length, 1);
  const bytes = read(count * dtypeInfo(element.dtype).itemBytes);
  return array.fromBytes(npyElementsInOrder(bytes, header, element), element.dtype);
}

function leafArray(leaf: unknown): LeafArray | undefined {
  switch (typeof leaf) {
    case 'number':
      return scalar(
        ['float64', 'int64'],
        'a number',
        (view) => {
          view.setFloat64(0, leaf, true);
        },
        readNumber,
      );
    case 'bigint':
      return scalar(
        ['int64'],
        'a bigint',
        (view) => {
          view.setBigInt64(0, int64(leaf), true);
        },
        (view) => view.getBigInt64(0, true),
      );
    case 'boolean':
      return scalar(
        ['bool'],
        'a boolean',
        (view) => {
          view.setUint8(0, Number(leaf));
        },
        (view) => view.getUint8(0) !== 0,
      );
    case 'object':
      if (leaf instanceof Tensor) return tensorArray(leaf);
      if (leaf instanceof Complex) return complexArray(leaf);
      return ArrayBuffer.isView(leaf) ? typedArray(leaf) : undefined;
    default:
      return undefined;
  }
}

function tensorArray(leaf: Tensor): LeafArray {
  const { dtype, shape, device } = leaf;
  return {
    dtypes: [dtype],
    shape,
    name: describeArray(dtype, shape),
    toPieces: () => tensorPieces(leaf),
    fromBytes: (bytes) => {
      const loaded = fromBuffer(dtype === 'bool' ? asBooleans(bytes) : bytes, shape, dtype);
      // A tensor on `meta` is a skeleton without values, so that what is loaded has to live elsewhere.
      return device === 'cpu' || device === 'meta' ? loaded : to(loaded, { device });
    },
  };
}

function complexArray(leaf: Complex): LeafArray {
  return scalar(
    ['complex128'],
    'a complex number',
    (view) => {
      view.setFloat64(0, leaf.re, true);
      view.setFloat64(8, leaf.im, true);
    },
    (view) => new Complex(view.getFloat64(0, true), view.getFloat64(8, true)),
  );
}

function typedArray(leaf: ArrayBufferView): LeafArray | undefined {
  // Float32Array -> float32, BigInt64Array -> int64; a DataView has no element type.
  const tag =
    (leaf as ArrayBufferView & { readonly [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? '';
  const dtype = tag
    .replace(/^Big/, '')
    .replace(/(Clamped)?Array$/, '')
    .toLowerCase();
  if (!isDType(dtype)) return undefined;
  const Class = leaf.constructor as new (buffer: ArrayBuffer) => ArrayBufferView;
  const length = leaf.byteLength / dtypeInfo(dtype).itemBytes;
  return {
    dtypes: [dtype],
    shape: [length],
    name: `${tag} of ${length}`,
    toPieces: () => [new Uint8Array(leaf.buffer, leaf.byteOffset, leaf.byteLength)],
    fromBytes: (bytes) => {
      const own = new Uint8Array(bytes).buffer;
      return Buffer.isBuffer(leaf) ? Buffer.from(own) : new Class(own);
    },
  };
}

function scalar(
  dtypes: readonly [DType, ...DType[]],
  name: string,
  write: (view: DataView) => void,
  read: (view: DataView, dtype: DType) => unknown,
): LeafArray {
  return {
    dtypes,
    shape: [],
    name: `${name} (${dtypes.map((dtype) => describeArray(dtype, [])).join(' or ')})`,
    toPieces: () => {
      const view = new DataView(new ArrayBuffer(dtypeInfo(dtypes[0]).itemBytes));
      write(view);
      return [new Uint8Array(view.buffer)];
    },
    fromBytes: (bytes, dtype) => read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), dtype),
  };
}

/** A number may have been a Python int, which Equinox saves as int64. */
function readNumber(view: DataView, dtype: DType): number {
  if (dtype === 'float64') return view.getFloat64(0, true);
  const value = view.getBigInt64(0, true);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new FormatError(
      `expected an integer that a number holds exactly (a bigint in \`like\` takes any), got ${value}`,
    );
  }
  return number;
}

function int64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value)
    throw new ArgumentError(`expected a bigint of 64 bits, got ${value}n`);
  return value;
}
