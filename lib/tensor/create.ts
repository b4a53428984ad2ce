import { Complex } from '../base/complex';
import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError, ShapeError } from '../base/errors';
import { native } from '../native';
import { readBytes, type NestedArray, type TypedArray } from './host';
import { adopt } from './lifetime';
import { Tensor } from './tensor';

export interface TensorOptions {
  /** The element type; without it, numbers make float32, booleans bool, and typed arrays keep their type. */
  readonly dtype?: DType | undefined;
  /** Where the data goes: `cpu` (the default), `cuda`, `cuda:1`. */
  readonly device?: string | undefined;
}

/** What `tensor` takes: numbers, nested arrays of them, typed arrays, and tensors of the same shape. */
export type TensorData = NestedArray | TypedArray | Tensor | readonly TensorData[];

const arrayDTypes: readonly (readonly [new (length: number) => TypedArray, DType])[] = [
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Int8Array, 'int8'],
  [Int16Array, 'int16'],
  [Int32Array, 'int32'],
  [BigInt64Array, 'int64'],
  [Uint8Array, 'uint8'],
  [Uint16Array, 'uint16'],
  [Uint32Array, 'uint32'],
  [BigUint64Array, 'uint64'],
];

/**
 * Makes a tensor from JavaScript values, copying them.
 *
 * @param data  numbers, bigints, booleans or complex numbers, nested in arrays to any depth; a typed array (one axis).
 * @returns a tensor whose shape is that of the nesting.
 * @throws ERR_SHAPE if the nesting is ragged, naming the path of the first element that does not fit.
 * @throws ERR_DTYPE, ERR_DEVICE for an unknown dtype or device, or one that is not present.
 * @throws ERR_ARGUMENT if an element is none of these.
 * @example
 * tensor([[1, 2], [3, 4]]);                    // float32[2,2]
 * tensor(new Int32Array([1, 2]));              // int32[2]
 * tensor([true, false]);                       // bool[2]
 * tensor([1, 2], { dtype: 'int64' });
 * @see torch.tensor, jax.numpy.array. Difference: JavaScript's numbers make float32, also when they are whole.
 */
export function tensor(data: TensorData, options: TensorOptions = {}): Tensor {
  const { device = 'cpu', dtype } = options;
  if (dtype !== undefined) dtypeInfo(dtype, 'tensor');
  if (ArrayBuffer.isView(data)) return fromTyped(data, [data.length], dtype, device);
  const shape: number[] = [];
  const flat: Scalar[] = [];
  shapeOf(data, shape);
  collect(data, shape, 0, flat, '');
  return fromTyped(packed(flat, dtype), shape, dtype ?? inferred(flat), device);
}

type Scalar = number | bigint | boolean | Complex;

/** The shape that the first element at each level gives. */
function shapeOf(data: unknown, shape: number[]): void {
  let inner = data;
  while (Array.isArray(inner) || isTyped(inner)) {
    shape.push(inner.length);
    if (inner.length === 0) return;
    inner = (inner as readonly unknown[])[0];
  }
  if (inner instanceof Tensor) shape.push(...inner.shape);
}

function isTyped(value: unknown): value is TypedArray {
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
        `tensor: expected numbers, bigints, booleans or complex numbers, got ${describeValue(data)} at ${path === '' ? 'the top' : path}.`,
        { op: 'tensor' },
      );
    }
    flat.push(data);
    return;
  }
  if (!Array.isArray(data) && !isTyped(data)) throw ragged(path, shape, axis, describeValue(data));
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

function describeValue(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') return `an object of class ${value.constructor.name}`;
  return typeof value === 'string' ? JSON.stringify(value) : typeof value;
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

/** The elements in the widest typed array of their kind; libtorch converts from there. */
function packed(flat: readonly Scalar[], dtype: DType | undefined): TypedArray {
  const kind = dtypeInfo(dtype ?? inferred(flat)).kind;
  if (flat.some((value) => typeof value === 'bigint') && (kind === 'int' || kind === 'uint')) {
    return BigInt64Array.from(flat, (value) => (value instanceof Complex ? 0n : BigInt(value)));
  }
  if (flat.some((value) => value instanceof Complex)) {
    const pairs = new Float64Array(2 * flat.length);
    flat.forEach((value, i) => {
      pairs[2 * i] = value instanceof Complex ? value.re : Number(value);
      pairs[2 * i + 1] = value instanceof Complex ? value.im : 0;
    });
    return pairs;
  }
  if (dtype === undefined && kind === 'float') return Float32Array.from(flat, Number);
  return Float64Array.from(flat, Number);
}

function fromTyped(
  data: TypedArray,
  shape: readonly number[],
  dtype: DType | undefined,
  device: string,
): Tensor {
  let stored: DType = 'float32';
  for (const [Class, name] of arrayDTypes) if (data instanceof Class) stored = name;
  const size = shape.reduce((product, length) => product * length, 1);
  if (data.length === 2 * size && size > 0) stored = 'complex128';
  const wanted = dtype ?? stored;
  const handle = native().fromBytes(data, shape, dtypeInfo(stored).code, dtypeInfo(wanted).code, device);
  return adopt(handle);
}

/**
 * Makes a tensor over memory that JavaScript holds, without a copy; the buffer stays alive as long as the tensor.
 * Writing to the buffer afterwards changes the tensor, which nothing in this library expects: do not.
 *
 * @param buffer  ArrayBuffer, Buffer or typed array whose size is that of the tensor. Where its address is not a
 *   multiple of the element size, it is copied.
 * @throws ERR_SHAPE if the sizes differ.
 * @see torch.frombuffer.
 */
export function fromBuffer(
  buffer: ArrayBuffer | ArrayBufferView,
  shape: readonly number[],
  dtype: DType,
): Tensor {
  const { code, itemBytes } = dtypeInfo(dtype, 'fromBuffer');
  const bytes = ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
  const size = shape.reduce((product, length) => product * length, itemBytes);
  if (bytes.byteLength !== size) {
    throw new ShapeError(
      `fromBuffer: expected ${size} bytes for ${dtype}[${shape.join()}], got ${bytes.byteLength}.`,
      { op: 'fromBuffer' },
    );
  }
  if (bytes.byteOffset % itemBytes !== 0) return adopt(native().fromBytes(bytes, shape, code, code, 'cpu'));
  return adopt(native().fromMemory(bytes, shape, code));
}

/** The bytes of a tensor's elements in row-major order: the inverse of `fromBuffer`. */
export function toBuffer(value: Tensor): Uint8Array {
  return readBytes(value, 'toBuffer');
}
