import { isAnyArrayBuffer } from 'node:util/types';
import { Complex } from '../base/complex';
import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError, ShapeError } from '../base/errors';
import { native } from '../native';
import { pack, type Scalar } from './element';
import { readBytes, type NestedArray, type TypedArray } from './host';
import { adopt } from './lifetime';
import { showValue } from './show-value';
import { Tensor } from './tensor';

export interface TensorOptions {
  /** The element type; without it, numbers make float32, booleans bool, and typed arrays keep their type. */
  readonly dtype?: DType | undefined;
  /** Where the data goes: `cpu` (the default), `cuda`, `cuda:1`. */
  readonly device?: string | undefined;
}

/** What `tensor` takes: numbers, nested arrays of them, typed arrays, and tensors of the same shape. */
export type TensorData = NestedArray | TypedArray | Uint8ClampedArray | Tensor | readonly TensorData[];

// By name, since arrays of another realm (a vm context) have other classes.
const arrayDTypes: Readonly<Record<string, DType>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int8Array: 'int8',
  Int16Array: 'int16',
  Int32Array: 'int32',
  BigInt64Array: 'int64',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Uint16Array: 'uint16',
  Uint32Array: 'uint32',
  BigUint64Array: 'uint64',
};

/**
 * Makes a tensor from JavaScript values, copying them.
 *
 * @param data  numbers, bigints, booleans or complex numbers, nested in arrays up to 64 deep; a typed array (one
 *   axis); tensors, whose values are copied. Fractions are cut off where the dtype is one of integers.
 * @returns a tensor whose shape is that of the nesting; of a tensor's own dtype where `data` is one.
 * @throws ERR_SHAPE if the nesting is ragged, naming the path of the first element that does not fit.
 * @throws ERR_DTYPE, ERR_DEVICE for an unknown dtype or device, or one that is not present.
 * @throws ERR_ARGUMENT if an element is none of these, or a number that the dtype cannot hold: beyond its range, NaN
 *   among integers, a complex number among real ones.
 * @throws ERR_CONCRETISATION for a tensor whose values are not known, inside `jit`, `vmap` or `grad`.
 * @example
 * tensor([[1, 2], [3, 4]]);                    // float32[2,2]
 * tensor(new Int32Array([1, 2]));              // int32[2]
 * tensor([true, false]);                       // bool[2]
 * tensor([1, 2], { dtype: 'int64' });
 * @see torch.tensor, jax.numpy.array. Difference: JavaScript's numbers make float32, also when they are whole. As in
 *   JAX, a negative number for an unsigned dtype is an error.
 */
export function tensor(data: TensorData, options: TensorOptions = {}): Tensor {
  const { device = 'cpu', dtype } = options;
  if (dtype !== undefined) dtypeInfo(dtype, 'tensor');
  if (isTyped(data)) return fromTyped(data, typedDType(data), [data.length], dtype, device);
  const shape: number[] = [];
  const flat: Scalar[] = [];
  shapeOf(data, shape);
  collect(data, shape, 0, flat, '');
  const wanted = dtype ?? (data instanceof Tensor ? data.dtype : inferred(flat));
  const { elements, stored } = pack(flat, shape, wanted);
  return fromTyped(elements, stored, shape, wanted, device);
}

// libtorch's operators stop at 64 axes too (c10/core/TensorIterator's bit sets, v2.13.0).
const deepest = 64;

/** The shape that the first element at each level gives. */
function shapeOf(data: unknown, shape: number[]): void {
  let inner = data;
  while (Array.isArray(inner) || isTyped(inner)) {
    shape.push(inner.length);
    if (shape.length > deepest) {
      throw new ArgumentError(
        `tensor: expected arrays nested at most ${deepest} deep, got deeper ones, or an array that holds itself.`,
        { op: 'tensor' },
      );
    }
    if (inner.length === 0) return;
    inner = (inner as readonly unknown[])[0];
  }
  if (inner instanceof Tensor) shape.push(...inner.shape);
}

function isTyped(value: unknown): value is TypedArray | Uint8ClampedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

/** Gathers the elements in row-major order, checking that every row has the size of the first. */
function collect(data: unknown, shape: readonly number[], axis: number, flat: Scalar[], path: string): void {
  if (data instanceof Tensor) {
    if (data.shape.join() !== shape.slice(axis).join())
      throw ragged(path, shape, axis, `${data.dtype}[${data.shape.join()}]`);
    const nested: NestedArray = data.toArray();
    collect(nested, shape, axis, flat, path);
    return;
  }
  if (axis === shape.length) {
    if (!isScalar(data)) {
      if (Array.isArray(data) || isTyped(data)) throw ragged(path, shape, axis, `an array of ${data.length}`);
      throw new ArgumentError(
        `tensor: expected numbers, bigints, booleans or complex numbers, got ${showValue(data)} at ${path === '' ? 'the top' : path}.`,
        { op: 'tensor' },
      );
    }
    flat.push(data);
    return;
  }
  if (!Array.isArray(data) && !isTyped(data)) throw ragged(path, shape, axis, showValue(data));
  if (data.length !== shape[axis]) throw ragged(path, shape, axis, `an array of ${data.length}`);
  for (let i = 0; i < data.length; i++) collect(data[i], shape, axis + 1, flat, `${path}[${i}]`);
}

function isScalar(value: unknown): value is Scalar {
  return (
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    typeof value === 'boolean' ||
    value instanceof Complex
  );
}

function ragged(path: string, shape: readonly number[], axis: number, got: string): ShapeError {
  const expected = axis === shape.length ? 'a number' : `an array of ${shape[axis] ?? 0}`;
  return new ShapeError(
    `tensor: expected ${expected}, as at the first place of this depth, got ${got} at ${path === '' ? 'the top' : path}. ` +
      'Rows must have equal lengths.',
    { op: 'tensor' },
  );
}

function inferred(flat: readonly Scalar[]): DType {
  const [first] = flat;
  if (flat.some((value) => value instanceof Complex)) return 'complex64';
  if (typeof first === 'boolean' && flat.every((value) => typeof value === 'boolean')) return 'bool';
  if (typeof first === 'bigint' && flat.every((value) => typeof value === 'bigint')) return 'int64';
  return 'float32';
}

function typedDType(data: TypedArray | Uint8ClampedArray): DType {
  const dtype = arrayDTypes[data[Symbol.toStringTag]];
  if (dtype !== undefined) return dtype;
  throw new ArgumentError(`tensor: expected a typed array of numbers, got ${showValue(data)}.`, {
    op: 'tensor',
  });
}

function fromTyped(
  data: TypedArray | Uint8ClampedArray,
  stored: DType,
  shape: readonly number[],
  dtype: DType | undefined,
  device: string,
): Tensor {
  const wanted = dtype ?? stored;
  return adopt(native().fromBytes(data, shape, dtypeInfo(stored).code, dtypeInfo(wanted).code, device));
}

/**
 * Makes a tensor over memory that JavaScript holds, without a copy; the buffer stays alive as long as the tensor.
 * Writing to the buffer afterwards changes the tensor, which nothing in this library expects: do not.
 *
 * @param buffer  ArrayBuffer, SharedArrayBuffer, Buffer or typed array whose size is that of the tensor. It is copied
 *   where its address is not a multiple of the element size, and where it can be resized. While the tensor lives it
 *   must not be transferred to another thread, which would take the memory away.
 * @throws ERR_ARGUMENT for what is no buffer or no shape; ERR_SHAPE if the sizes differ.
 * @see torch.frombuffer.
 */
export function fromBuffer(
  buffer: ArrayBuffer | SharedArrayBuffer | ArrayBufferView,
  shape: readonly number[],
  dtype: DType,
): Tensor {
  const { code, itemBytes } = dtypeInfo(dtype, 'fromBuffer');
  const bytes = bytesOf(buffer);
  if (!isShape(shape)) {
    throw new ArgumentError(
      `fromBuffer: expected a shape of integers of at least 0, got ${showValue(shape)}.`,
      { op: 'fromBuffer' },
    );
  }
  const size = shape.reduce((product, length) => product * length, itemBytes);
  if (bytes.byteLength !== size) {
    throw new ShapeError(
      `fromBuffer: expected ${size} bytes for ${dtype}[${shape.join()}], got ${bytes.byteLength}.`,
      { op: 'fromBuffer' },
    );
  }
  if (bytes.byteOffset % itemBytes !== 0 || isResizable(bytes.buffer)) {
    return adopt(native().fromBytes(bytes, shape, code, code, 'cpu'));
  }
  return adopt(native().fromMemory(bytes, shape, code));
}

function isShape(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function bytesOf(buffer: unknown): Uint8Array {
  if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  if (isAnyArrayBuffer(buffer)) return new Uint8Array(buffer);
  throw new ArgumentError(
    `fromBuffer: expected an ArrayBuffer, a Buffer or a typed array, got ${showValue(buffer)}.`,
    { op: 'fromBuffer' },
  );
}

/** Whether the memory could shrink below the tensor, which then would read what is no longer there. */
function isResizable(buffer: ArrayBufferLike): boolean {
  const { resizable, growable } = buffer as { resizable?: boolean; growable?: boolean };
  return resizable === true || growable === true;
}

/** The bytes of a tensor's elements in row-major order: the inverse of `fromBuffer`. */
export function toBuffer(value: Tensor): Uint8Array {
  return readBytes(value, 'toBuffer');
}
