import { Complex } from '../base/complex';
import { dtypeInfo, type DType } from '../base/dtype';
import { ShapeError } from '../base/errors';
import { native } from '../native';
import { handleOf } from './handle';
import type { Tensor } from './tensor';

/** An element as JavaScript holds it: int64 values beyond 2^53 are bigints. */
export type Element = number | bigint | boolean | Complex;

/** Elements nested as the shape says; a scalar's own element when the shape is `[]`. */
export type NestedArray = Element | NestedArray[];

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** Room for `size` elements of a dtype. Half precision widens to float32, complex numbers lie in pairs. */
function room(dtype: DType, size: number): TypedArray {
  switch (dtype) {
    case 'float32':
    case 'float16':
    case 'bfloat16':
      return new Float32Array(size);
    case 'float64':
      return new Float64Array(size);
    case 'int8':
      return new Int8Array(size);
    case 'int16':
      return new Int16Array(size);
    case 'int32':
      return new Int32Array(size);
    case 'int64':
      return new BigInt64Array(size);
    case 'uint8':
    case 'bool':
      return new Uint8Array(size);
    case 'uint16':
      return new Uint16Array(size);
    case 'uint32':
      return new Uint32Array(size);
    case 'uint64':
      return new BigUint64Array(size);
    case 'complex64':
      return new Float32Array(2 * size);
    case 'complex128':
      return new Float64Array(2 * size);
  }
}

/** The dtype in which a tensor's elements are copied to the host. */
function hostCode(dtype: DType): number {
  return dtypeInfo(dtype === 'float16' || dtype === 'bfloat16' ? 'float32' : dtype).code;
}

/** Copies the elements to the host in row-major order. See `Tensor.toTypedArray`. */
export function readTyped(tensor: Tensor, op: string): TypedArray {
  const handle = handleOf(tensor, op);
  const into = room(tensor.dtype, tensor.size);
  native().readInto(handle, into, hostCode(tensor.dtype), op);
  return into;
}

/** Copies the elements to the host on a worker thread. See `Tensor.data`. */
export async function readTypedAsync(tensor: Tensor, op: string): Promise<TypedArray> {
  const handle = handleOf(tensor, op);
  const into = room(tensor.dtype, tensor.size);
  await native().readIntoAsync(handle, into, hostCode(tensor.dtype), op);
  return into;
}

/** The bytes of the elements in row-major order, in the tensor's own dtype. */
export function readBytes(tensor: Tensor, op: string): Uint8Array {
  const handle = handleOf(tensor, op);
  const into = new Uint8Array(tensor.nbytes);
  native().readInto(handle, into, dtypeInfo(tensor.dtype).code, op);
  return into;
}

/** Reads the only element. See `Tensor.item`. */
export function readItem(tensor: Tensor, op: string): Element {
  const value = native().item(handleOf(tensor, op), op);
  return typeof value === 'object' ? new Complex(value.re, value.im) : value;
}

/** Reads all elements into nested arrays. See `Tensor.toArray`. */
export function readNested(tensor: Tensor, op: string): NestedArray {
  const elements = elementsOf(tensor, op);
  const { shape } = tensor;
  if (shape.length === 0) {
    const [only] = elements;
    if (only === undefined) throw new ShapeError(`${op}: expected one element, got none.`, { op });
    return only;
  }
  return nest(elements, shape, 0, 0, tensor.size);
}

function elementsOf(tensor: Tensor, op: string): Element[] {
  const flat = readTyped(tensor, op);
  if (flat instanceof BigInt64Array || flat instanceof BigUint64Array) {
    return Array.from(flat, (value) => (isSafe(value) ? Number(value) : value));
  }
  const numbers = Array.from(flat as Float64Array);
  if (tensor.dtype === 'bool') return numbers.map((value) => value !== 0);
  if (dtypeInfo(tensor.dtype).kind !== 'complex') return numbers;
  return Array.from(
    { length: tensor.size },
    (_, i) => new Complex(numbers[2 * i] ?? 0, numbers[2 * i + 1] ?? 0),
  );
}

function isSafe(value: bigint): boolean {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER);
}

function nest(
  elements: readonly Element[],
  shape: readonly number[],
  axis: number,
  start: number,
  count: number,
): NestedArray[] {
  const length = shape[axis] ?? 0;
  if (axis === shape.length - 1) return elements.slice(start, start + length);
  const step = length === 0 ? 0 : count / length;
  return Array.from({ length }, (_, i) => nest(elements, shape, axis + 1, start + i * step, step));
}
