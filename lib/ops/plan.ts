import { dtypeOfCode } from '../base/dtype';
import { Complex, isComplex } from '../base/complex';
import { native, type NativeArgument, type NativeResult, type NewHandle } from '../native';
import { adopt } from '../tensor/lifetime';
import type { Tensor } from '../tensor/tensor';
import { codecFor, type Codec } from './codec';
import { hiddenWrites } from './hidden-writes';
import { parseSchema, type Schema, type SchemaArgument, type SchemaReturn } from './schema';
import { visibleKernels } from './visible-kernels';

/** One argument of an overload, ready for the call. */
export interface PlanArgument extends Codec {
  readonly name: string;
  readonly isRequired: boolean;
  readonly isNullable: boolean;
}

/** One overload of an operator, ready for the call. */
export class Plan {
  readonly schema: Schema;
  /** The name the user knows, for errors. */
  readonly publicName: string;
  readonly args: readonly PlanArgument[];
  /** The least number of leading arguments that a call by position needs. */
  readonly requiredCount: number;
  /** How many leading arguments Python's form of the operator takes by position. */
  readonly positionalCount: number;
  /** Whether the operator returns exactly one tensor, which needs no decoding. */
  readonly returnsTensor: boolean;
  /** The overload that is called in its place, whose first result is the one that is meant. */
  private readonly kernel: string | undefined;
  private id: number | undefined;

  constructor(line: string, publicName: string) {
    this.schema = parseSchema(line);
    this.publicName = publicName;
    const written = hiddenWrites[this.schema.name] ?? [];
    this.args = this.schema.args.map((arg) => ({
      ...(written.includes(arg.name) ? copying(codecFor(arg)) : codecFor(arg)),
      name: arg.publicName,
      isRequired: arg.defaultText === undefined,
      isNullable: arg.type.isOptional,
    }));
    this.requiredCount = this.args.findLastIndex((arg) => arg.isRequired) + 1;
    const isNamed = (arg: SchemaArgument): boolean => arg.isKeywordOnly && arg.defaultText !== undefined;
    const named = this.schema.args.findIndex(isNamed);
    this.positionalCount = named < 0 ? this.args.length : named;
    this.kernel = visibleKernels[this.schema.fullName];
    this.returnsTensor =
      this.kernel === undefined && this.schema.returns.length === 1 && isTensor(this.schema.returns[0]);
    this.id = undefined;
  }

  /** The addon's number for the overload, resolved on first use. */
  nativeId(): number {
    return (this.id ??= native().resolve(this.kernel ?? this.schema.fullName, this.publicName));
  }

  /** What the operator returned, as users see it. */
  decode(result: NativeResult): unknown {
    const { returns } = this.schema;
    if (this.kernel !== undefined) return firstOf(result as readonly NativeResult[]);
    if (returns.length === 0) return undefined;
    if (returns.length === 1) return decodeOne(returns[0], result);
    return (result as readonly NativeResult[]).map((one, index) => decodeOne(returns[index], one));
  }
}

/** The codec for an argument that libtorch writes to: a copy crosses. See lib/ops/hidden-writes.ts. */
function copying(codec: Codec): Codec {
  return {
    ...codec,
    encode: (value, op): NativeArgument => {
      const given = codec.encode(value, op);
      if (Array.isArray(given)) return given;
      return adopt(native().call(native().resolve('aten::clone', op), given) as NewHandle)._handle;
    },
  };
}

function firstOf([first, ...rest]: readonly NativeResult[]): unknown {
  for (const other of rest) (tensorOrNull(other) as Tensor | null)?.dispose();
  return tensorOrNull(first);
}

function isTensor(result: SchemaReturn | undefined): boolean {
  return result?.type.base === 'Tensor' && !result.type.isList;
}

function decodeOne(declared: SchemaReturn | undefined, value: NativeResult): unknown {
  switch (declared?.type.base) {
    case 'Tensor':
      return declared.type.isList ? (value as readonly NewHandle[]).map(tensorOrNull) : tensorOrNull(value);
    case 'ScalarType':
      return dtypeOfCode(value as number).name;
    case 'Scalar':
      return isComplex(value) ? new Complex(value.re, value.im) : value;
    default:
      return value;
  }
}

/** The tensor of a handle; `null` for the undefined tensor that some backward operators return. */
export function tensorOrNull(value: NativeResult): unknown {
  return value === 0 || value === null ? null : adopt(value as NewHandle);
}
