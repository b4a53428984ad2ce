import { DtypeError } from './errors';

/** The element types of tensors, by their PyTorch and NumPy names. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'complex64'
  | 'complex128';

export type DTypeKind = 'float' | 'int' | 'uint' | 'bool' | 'complex';

export interface DTypeInfo {
  readonly name: DType;
  /** libtorch's `c10::ScalarType` value (c10/core/ScalarType.h, v2.13.0). */
  readonly code: number;
  /** Size of an element in bytes. */
  readonly itemBytes: number;
  readonly kind: DTypeKind;
  /** The short name used in printed trees: `f32`, `bf16`, `i64`, `bool`. */
  readonly short: string;
}

const rows: readonly (readonly [DType, number, number, DTypeKind, string])[] = [
  ['uint8', 0, 1, 'uint', 'u8'],
  ['int8', 1, 1, 'int', 'i8'],
  ['int16', 2, 2, 'int', 'i16'],
  ['int32', 3, 4, 'int', 'i32'],
  ['int64', 4, 8, 'int', 'i64'],
  ['float16', 5, 2, 'float', 'f16'],
  ['float32', 6, 4, 'float', 'f32'],
  ['float64', 7, 8, 'float', 'f64'],
  ['complex64', 9, 8, 'complex', 'c64'],
  ['complex128', 10, 16, 'complex', 'c128'],
  ['bool', 11, 1, 'bool', 'bool'],
  ['bfloat16', 15, 2, 'float', 'bf16'],
  ['uint16', 27, 2, 'uint', 'u16'],
  ['uint32', 28, 4, 'uint', 'u32'],
  ['uint64', 29, 8, 'uint', 'u64'],
];

const infos: readonly DTypeInfo[] = rows.map(([name, code, itemBytes, kind, short]) => ({
  name,
  code,
  itemBytes,
  kind,
  short,
}));
const byName = new Map<string, DTypeInfo>(infos.map((info) => [info.name, info]));
const byCode = new Map<number, DTypeInfo>(infos.map((info) => [info.code, info]));

/** Every dtype, in the order of libtorch's codes. */
export const dtypes: readonly DType[] = infos.map((info) => info.name);

/** Whether `value` is the name of a dtype. */
export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && byName.has(value);
}

/**
 * What is known of a dtype.
 *
 * @throws ERR_DTYPE if the name is none of `dtypes`.
 */
export function dtypeInfo(name: string, op?: string): DTypeInfo {
  const info = byName.get(name);
  if (info === undefined) {
    throw new DtypeError(
      `${op ?? 'dtype'}: expected one of ${dtypes.join(', ')}, got ${JSON.stringify(name)}.`,
      { op },
    );
  }
  return info;
}

/** The dtype of a `c10::ScalarType` value that libtorch reports. */
export function dtypeOfCode(code: number): DTypeInfo {
  const info = byCode.get(code);
  if (info === undefined)
    throw new DtypeError(`dtype: libtorch's scalar type ${code} has no counterpart here.`);
  return info;
}

/** Whether values of the dtype are floating point or complex: what gradients exist for. */
export function isInexactDType(dtype: DType): boolean {
  const { kind } = dtypeInfo(dtype);
  return kind === 'float' || kind === 'complex';
}
