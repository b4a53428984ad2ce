import { dtypeInfo } from '../base/dtype';
import { native, type Handle, type NewHandle } from '../native';
import { columnsOf, type Column } from './print-number';
import type { Tensor } from './tensor';

/** More elements than this are shown as the first and last three of each axis. */
const summaryThreshold = 1000;
const edgeCount = 3;
const lineWidth = 80;
const prefix = 'tensor(';

/**
 * A tensor's values, shape and dtype as text: `tensor([1., 2.], float32[2])`.
 *
 * Values are written as PyTorch writes them (4 digits, scientific where the magnitudes ask for it, at most 1000
 * elements, lines of 80 characters). Inside a transform, where a tensor has no values, the transforms stand in
 * their place: `tensor(<jit>, float32[2])`.
 *
 * @see torch/_tensor_str.py (v2.13.0). Differs in what follows the values: always shape and dtype.
 */
export function printTensor(tensor: Tensor): string {
  if (tensor.isDisposed) return 'tensor(<disposed>)';
  const { shape, dtype, device } = tensor;
  const layers = native().layers(tensor._handle);
  const values = layers === '' ? printValues(tensor) : `<${layers}>`;
  const suffix = `${dtype}[${shape.join(',')}]${device === 'cpu' ? '' : `, device='${device}'`}`;
  const lastLine =
    values.length - (values.lastIndexOf('\n') + 1) + (values.includes('\n') ? 0 : prefix.length);
  const isLong = lastLine + suffix.length + 3 > lineWidth;
  return `${prefix}${values},${isLong ? `\n${' '.repeat(prefix.length)}` : ' '}${suffix})`;
}

function printValues(tensor: Tensor): string {
  if (tensor.size === 0) return '[]';
  const isSummarised = tensor.size > summaryThreshold;
  const { values, shape } = isSummarised
    ? readEdges(tensor)
    : read(tensor._handle, tensor.dtype, tensor.shape);
  const columns = columnsOf(values, tensor.dtype);
  const isCut = tensor.shape.map((size) => isSummarised && size > 2 * edgeCount);
  return layOut({ columns, values, shape, isCut }, 0, 0, values.count, prefix.length);
}

/** The elements on the host: real numbers, bigints, or pairs of real and imaginary parts. */
export interface HostValues {
  readonly flat: ArrayLike<number | bigint>;
  readonly count: number;
}

interface Picture {
  readonly columns: Column;
  readonly values: HostValues;
  /** The sizes of what was read: at most twice the edge where an axis is cut. */
  readonly shape: readonly number[];
  readonly isCut: readonly boolean[];
}

function layOut(picture: Picture, axis: number, start: number, count: number, indent: number): string {
  const { columns, shape, isCut } = picture;
  const length = shape[axis];
  if (length === undefined) return columns.print(start);
  if (axis === shape.length - 1) return layOutRow(picture, axis, start, indent);
  const step = count / length;
  const parts = Array.from({ length }, (_none, i) =>
    layOut(picture, axis + 1, start + i * step, step, indent + 1),
  );
  if (isCut[axis] === true) parts.splice(edgeCount, 0, '...');
  return `[${parts.join(`,${'\n'.repeat(shape.length - axis - 1)}${' '.repeat(indent + 1)}`)}]`;
}

function layOutRow({ columns, shape, isCut }: Picture, axis: number, start: number, indent: number): string {
  const cells = Array.from({ length: shape[axis] ?? 0 }, (_none, i) => columns.print(start + i));
  if (isCut[axis] === true) cells.splice(edgeCount, 0, ' ...');
  const perLine = Math.max(1, Math.floor((lineWidth - indent) / columns.step));
  const lines: string[] = [];
  for (let i = 0; i < cells.length; i += perLine) lines.push(cells.slice(i, i + perLine).join(', '));
  return `[${lines.join(`,\n${' '.repeat(indent + 1)}`)}]`;
}

function read(
  handle: Handle,
  dtype: Tensor['dtype'],
  shape: readonly number[],
): { values: HostValues; shape: readonly number[] } {
  const count = shape.reduce((product, size) => product * size, 1);
  const { kind, itemBytes } = dtypeInfo(dtype);
  // Every element but a 64-bit integer is exact in float64 parts.
  const isBig = itemBytes === 8 && (kind === 'int' || kind === 'uint');
  const flat = isBig ? bigRoom(kind, count) : new Float64Array(kind === 'complex' ? 2 * count : count);
  const target = isBig ? dtype : kind === 'complex' ? 'complex128' : 'float64';
  native().readInto(handle, flat, dtypeInfo(target).code, 'toString');
  return { values: { flat, count }, shape };
}

function bigRoom(kind: 'int' | 'uint', count: number): BigInt64Array | BigUint64Array {
  return kind === 'int' ? new BigInt64Array(count) : new BigUint64Array(count);
}

/** Reads the first and last elements of each axis only, so that a large tensor costs no large copy. */
function readEdges(tensor: Tensor): { values: HostValues; shape: readonly number[] } {
  const slice = native().resolve('aten::slice.Tensor', 'toString');
  const join = native().resolve('aten::cat', 'toString');
  const made: Handle[] = [];
  const call = (op: number, ...args: unknown[]): Handle => Math.abs(native().call(op, ...args) as NewHandle);
  try {
    let handle = tensor._handle;
    tensor.shape.forEach((size, axis) => {
      if (size <= 2 * edgeCount) return;
      const first = call(slice, handle, axis, 0, edgeCount);
      const last = call(slice, handle, axis, size - edgeCount, size);
      handle = call(join, [first, last], axis);
      made.push(first, last, handle);
    });
    const shape = tensor.shape.map((size) => Math.min(size, 2 * edgeCount));
    return read(handle, tensor.dtype, shape);
  } finally {
    native().releaseMany(made);
  }
}
