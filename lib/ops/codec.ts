import { isComplex } from '../base/complex';
import { dtypeInfo, isDType } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import type { NativeArgument } from '../native';
import { handleOf, Tensor } from '../tensor/tensor';
import type { SchemaArgument, SchemaType } from './schema';

/**
 * How one kind of argument is recognised and handed to the addon.
 *
 * Neither test sees `undefined` or `null`: those mean the default and None, which the call settles itself.
 */
export interface Codec {
  /** Whether the value is of this kind as it stands. */
  readonly fits: (value: unknown) => boolean;
  /** Whether the value is of this kind, or can be made so. */
  readonly converts: (value: unknown) => boolean;
  readonly encode: (value: unknown, op: string) => NativeArgument;
  /** What to write in a signature: `Tensor`, `int[]`. */
  readonly label: string;
}

const reductions: Readonly<Record<string, number>> = { none: 0, mean: 1, sum: 2 };

// torch/headeronly/core/Layout.h and MemoryFormat.h, v2.13.0.
const layouts: Readonly<Record<string, number>> = {
  strided: 0,
  sparse: 1,
  sparse_csr: 2,
  mkldnn: 3,
  sparse_csc: 4,
  sparse_bsr: 5,
  sparse_bsc: 6,
  jagged: 7,
};
const memoryFormats: Readonly<Record<string, number>> = {
  contiguous: 0,
  preserve: 1,
  channels_last: 2,
  channels_last_3d: 3,
};

const asIs = (value: unknown): NativeArgument => value;
const never = (): boolean => false;
const isString = (value: unknown): boolean => typeof value === 'string';
const isBoolean = (value: unknown): boolean => typeof value === 'boolean';
const isFloat = (value: unknown): boolean => typeof value === 'number';
const isInt = (value: unknown): boolean =>
  typeof value === 'number' ? Number.isInteger(value) : typeof value === 'bigint';
const isTensor = (value: unknown): boolean => value instanceof Tensor;
const isTensorOrNull = (value: unknown): boolean => value === null || value instanceof Tensor;

/** Whether a value may stand for a scalar: a number, bigint, boolean or complex number. */
export function isScalar(value: unknown): boolean {
  return (
    typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint' || isComplex(value)
  );
}

function listOf(element: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => {
    if (!Array.isArray(value)) return false;
    for (const one of value) if (!element(one)) return false;
    return true;
  };
}

function encodeTensor(value: unknown, op: string): NativeArgument {
  return value instanceof Tensor ? handleOf(value, op) : [value];
}

function encodeTensors(value: unknown, op: string): NativeArgument {
  return (value as readonly (Tensor | null)[]).map((one) => (one === null ? null : handleOf(one, op)));
}

/** A kind whose values are the names in a table. */
function named(table: Readonly<Record<string, number>>, label: string): Codec {
  return {
    fits: (value) => typeof value === 'string' && Object.hasOwn(table, value),
    converts: isString,
    encode: (value, op) => {
      const name = value as string;
      if (Object.hasOwn(table, name)) return table[name];
      const known = Object.keys(table).join(', ');
      throw new ArgumentError(
        `${op}: expected ${label} to be one of ${known}, got ${JSON.stringify(name)}.`,
        { op },
      );
    },
    label,
  };
}

const tensorCodec: Codec = {
  fits: isTensor,
  converts: (value) => isTensor(value) || isScalar(value),
  encode: encodeTensor,
  label: 'Tensor',
};
const intCodec: Codec = { fits: isInt, converts: isInt, encode: asIs, label: 'int' };
const reductionCodec: Codec = {
  fits: (value) => isInt(value) || (typeof value === 'string' && Object.hasOwn(reductions, value)),
  converts: (value) => isInt(value) || isString(value),
  encode: (value, op) => (isInt(value) ? value : named(reductions, 'reduction').encode(value, op)),
  label: "'none' | 'mean' | 'sum'",
};
const floatCodec: Codec = {
  fits: isFloat,
  converts: (value) => isFloat(value) || typeof value === 'bigint',
  encode: (value) => (typeof value === 'bigint' ? Number(value) : value),
  label: 'float',
};
const scalarCodec: Codec = { fits: isScalar, converts: isScalar, encode: asIs, label: 'Scalar' };
const boolCodec: Codec = { fits: isBoolean, converts: isBoolean, encode: asIs, label: 'bool' };
const stringCodec: Codec = { fits: isString, converts: isString, encode: asIs, label: 'string' };

const single: Readonly<Record<string, Codec>> = {
  Tensor: tensorCodec,
  Scalar: scalarCodec,
  int: intCodec,
  SymInt: intCodec,
  float: floatCodec,
  bool: boolCodec,
  str: stringCodec,
  Device: { ...stringCodec, label: 'device' },
  ScalarType: {
    fits: isDType,
    converts: isString,
    encode: (value, op) => dtypeInfo(value as string, op).code,
    label: 'dtype',
  },
  Layout: named(layouts, 'layout'),
  MemoryFormat: named(memoryFormats, 'memoryFormat'),
  // libtorch's generators are not handed out: randomness has explicit keys (lib/random).
  Generator: { fits: never, converts: never, encode: asIs, label: 'null' },
};

/** The codec for a list of values that cross the boundary as they are. */
function plainList(element: Codec, length: number | undefined): Codec {
  const isList = listOf(element.fits);
  const either = (value: unknown): boolean => element.fits(value) || isList(value);
  const label = `${element.label}[${length ?? ''}]`;
  return length === undefined
    ? {
        fits: isList,
        converts: either,
        encode: (value): NativeArgument => (Array.isArray(value) ? value : [value]),
        label,
      }
    : { fits: either, converts: either, encode: asIs, label };
}

function tensorList(hasOptionalElements: boolean): Codec {
  const fits = listOf(hasOptionalElements ? isTensorOrNull : isTensor);
  return {
    fits,
    converts: fits,
    encode: encodeTensors,
    label: hasOptionalElements ? 'Tensor?[]' : 'Tensor[]',
  };
}

/** Whether arguments of this type can be given at all; see lib/ops/skip.ts for those that cannot. */
export function isSupportedType(type: SchemaType): boolean {
  return Object.hasOwn(single, type.base) && (!type.isList || type.base !== 'Generator');
}

/**
 * How values of an argument are recognised and encoded.
 *
 * @throws ERR_ARGUMENT if its type cannot cross the boundary.
 */
export function codecFor(arg: Pick<SchemaArgument, 'name' | 'type'>): Codec {
  const { base, isList, length, hasOptionalElements } = arg.type;
  const element = single[base];
  if (element === undefined)
    throw new ArgumentError(`${arg.name}: arguments of type ${base} cannot be given from JavaScript.`);
  if (isList) return base === 'Tensor' ? tensorList(hasOptionalElements) : plainList(element, length);
  return base === 'int' && arg.name === 'reduction' ? reductionCodec : element;
}
