import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import { cat } from '../ops';
import { fromBuffer, toBuffer } from '../tensor/create';
import type { Tensor } from '../tensor/tensor';
import type { RandomFile } from './random-file';

/** What is read at once; a multiple of every element size. */
const pieceBytes = 1 << 28;
/** What is written at once: a copy, of which the collector may leave several behind. */
const writtenBytes = 1 << 25;
/** Node 20 has no larger buffers than 4 GiB. */
const largestBuffer = 2 ** 31;

/** The bytes of the elements in row-major order, little-endian, in pieces, so that no second copy of it all is made. */
export function* tensorPieces(value: Tensor): Iterable<Uint8Array> {
  if (value.device === 'meta') {
    throw new ArgumentError(
      `expected a tensor with values, got ${describeArray(value.dtype, value.shape)} on the device meta`,
    );
  }
  if (value.nbytes <= writtenBytes) {
    yield toBuffer(value);
    return;
  }
  const flat = value.reshape([-1]);
  const step = writtenBytes / dtypeInfo(value.dtype).itemBytes;
  for (let start = 0; start < flat.size; start += step) {
    yield toBuffer(flat.narrow(0, start, Math.min(step, flat.size - start)));
  }
}

export interface TensorPlace {
  /** Where in the file the elements begin. */
  readonly position: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bigEndian?: boolean;
  /** Whether the first axis varies fastest. */
  readonly fortranOrder?: boolean;
  /** Is shown all bytes as they stand in the file, in pieces. */
  readonly onBytes?: ((piece: Uint8Array) => void) | undefined;
}

/**
 * Reads a tensor straight into the memory that it keeps, on the CPU. The caller has checked that the file holds as many
 * bytes.
 *
 * @throws ERR_FORMAT if the file has become shorter.
 */
export function tensorFromFile(file: RandomFile, place: TensorPlace): Tensor {
  const { dtype, shape, fortranOrder = false } = place;
  const size = sizeOf(shape);
  const byteCount = size * dtypeInfo(dtype).itemBytes;
  const stored = fortranOrder ? [...shape].reverse() : shape;
  const whole =
    byteCount <= largestBuffer
      ? readPiece(file, place, 0, byteCount, stored)
      : readLarge(file, place, byteCount).reshape(stored);
  return fortranOrder && shape.length > 1
    ? whole.permute(shape.map((_, axis) => shape.length - 1 - axis)).contiguous()
    : whole;
}

function readLarge(file: RandomFile, place: TensorPlace, byteCount: number): Tensor {
  const { itemBytes } = dtypeInfo(place.dtype);
  const pieces: Tensor[] = [];
  for (let start = 0; start < byteCount; start += pieceBytes) {
    const length = Math.min(pieceBytes, byteCount - start);
    pieces.push(readPiece(file, place, start, length, [length / itemBytes]));
  }
  const joined = cat(pieces);
  for (const piece of pieces) piece.dispose();
  return joined;
}

function readPiece(
  file: RandomFile,
  place: TensorPlace,
  start: number,
  byteCount: number,
  shape: readonly number[],
): Tensor {
  // Not from Node's pool, and not zeroed first: every byte is written.
  const bytes = Buffer.allocUnsafeSlow(byteCount);
  for (let at = 0; at < byteCount; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    file.readInto(piece, place.position + start + at);
    place.onBytes?.(piece);
  }
  return tensorOfBytes(bytes, shape, place.dtype, place.bigEndian === true);
}

/** A tensor that keeps the bytes, which nobody else holds; they may be changed to what tensors keep. */
export function tensorOfBytes(
  bytes: Uint8Array,
  shape: readonly number[],
  dtype: DType,
  bigEndian: boolean,
): Tensor {
  const little = bigEndian ? fromBigEndian(bytes, dtype) : bytes;
  return fromBuffer(dtype === 'bool' ? asBooleans(little) : little, shape, dtype);
}

/** Bytes of which each is 0 or 1: libtorch takes it for granted that booleans are. Changes them in place. */
export function asBooleans(bytes: Uint8Array): Uint8Array {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] ?? 0) > 1) bytes[i] = 1;
  return bytes;
}

/** A copy of the elements in the byte order that tensors have. */
export function fromBigEndian(bytes: Uint8Array, dtype: DType): Uint8Array {
  const { itemBytes, kind } = dtypeInfo(dtype);
  const numberBytes = kind === 'complex' ? itemBytes / 2 : itemBytes;
  const out = Buffer.from(bytes);
  if (numberBytes === 1) return out;
  if (numberBytes === 2) return out.swap16();
  return numberBytes === 4 ? out.swap32() : out.swap64();
}

/** `float32[2,3]`. */
export function describeArray(dtype: string, shape: readonly number[]): string {
  return `${dtype}[${shape.join(',')}]`;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** The number of elements. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Whether libtorch can count the elements and their bytes, also where another axis makes them none. */
export function isPossibleShape(shape: readonly number[]): boolean {
  return (
    shape.length <= 64 &&
    Number.isSafeInteger(shape.reduce((product, length) => product * Math.max(1, length), 16))
  );
}
