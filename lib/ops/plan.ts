import { dtypeOfCode } from '../base/dtype';
import { Complex, isComplex } from '../base/complex';
import { native, type NativeArgument, type NativeResult, type NewHandle } from '../native';
import { adopt } from '../tensor/lifetime';
import { codecFor, type Codec } from './codec';
import { hiddenWrites } from './hidden-writes';
import { parseSchema, type Schema, type SchemaReturn } from './schema';

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
  /** Whether the operator returns exactly one tensor, which needs no decoding. */
  readonly returnsTensor: boolean;
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
    this.returnsTensor = this.schema.returns.length === 1 && isTensor(this.schema.returns[0]);
    this.id = undefined;
  }

  /** The addon's number for the overload, resolved on first use. */
  nativeId(): number {
    return (this.id ??= native().resolve(this.schema.fullName, this.publicName));
  }

  /** What the operator returned, as users see it. */
  decode(result: NativeResult): unknown {
    const { returns } = this.schema;
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
