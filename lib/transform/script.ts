import { ArgumentError, TransformError } from '../base/errors';
import type { Callable } from '../module';
import { native, type NativeArgument, type NativeScriptValue } from '../native';
import { callNamed } from '../ops/call';
import { adopt, adoptApart } from '../tensor/lifetime';
import { handleOf, Tensor } from '../tensor/tensor';
import { flatten } from '../tree';
import { describeValue } from './describe';
import { saveProgram, trace } from './program';

/**
 * Traces a function and writes it as a TorchScript module with the function's own tensors as attributes.
 *
 * @param names  the attributes' paths, one for each tensor of `fn`, in order.
 * @throws what tracing throws; ERR_TRANSFORM inside a transform, or for operators that PyTorch has not; ERR_ARGUMENT if no tensor is returned, or the file cannot
 *   be written.
 */
export function saveScript(
  op: string,
  path: string,
  fn: Callable<unknown[]>,
  args: readonly unknown[],
  names: readonly string[],
): void {
  if (native().tracing() || native().depth() > 0) {
    throw new TransformError(`${op}: expected no transform around it, got a call inside one.`, { op });
  }
  const [leaves, structure] = flatten([fn, args]);
  const program = trace(op, structure, leaves);
  if (flatten(program.outLeaves)[0].every((leaf) => typeof leaf !== 'object')) {
    throw new ArgumentError(`${op}: expected a function that returns tensors, got none from it.`, { op });
  }
  const inputs = leaves.filter((leaf) => leaf instanceof Tensor).slice(0, names.length);
  saveProgram(op, program.native, path, { names, handles: inputs.map((tensor) => handleOf(tensor, op)) });
}

/** An argument of a script. */
export interface ScriptArgument {
  readonly name: string;
  /** As Python writes it: `Tensor`, `Optional[Tensor]`, `List[Tensor]`, `float`. */
  readonly type: string;
  readonly hasDefault: boolean;
}

/** The program of a TorchScript file. It never changes. */
export class Script {
  readonly arguments: readonly ScriptArgument[];
  /** The names of the module's tensors, in the order in which the program takes them. */
  readonly order: readonly string[];
  private readonly native: object;

  constructor(script: object, args: readonly ScriptArgument[], order: readonly string[]) {
    this.native = script;
    this.arguments = args;
    this.order = order;
  }

  /**
   * Runs it with tensors in the place of those of the file. Transforms see its operators; no gradients flow to buffers.
   *
   * @throws ERR_ARGUMENT if the arguments are not those that it takes; what its operators throw.
   */
  run(op: string, parameters: Named, buffers: Named, args: readonly unknown[]): unknown {
    const most = this.arguments.length;
    if (args.length > most) {
      throw new ArgumentError(
        `${op}: expected at most ${most} arguments (${this.signature()}), got ${args.length}.`,
        {
          op,
        },
      );
    }
    const encoded = this.arguments.map((argument, i) => encode(args[i], argument, op));
    const handles = this.order.map((name) => handleOf(tensorOf(name, parameters, buffers, op), op));
    return decode(native().runScript(this.native, handles, encoded, op));
  }

  signature(): string {
    return this.arguments.map(({ name, type }) => `${name}: ${type}`).join(', ');
  }

  /** The graph as TorchScript prints it, with the module's tensors as its first inputs. */
  graph(): string {
    return native().scriptGraph(this.native);
  }
}

type Named = Readonly<Record<string, Tensor>>;

function tensorOf(name: string, parameters: Named, buffers: Named, op: string): Tensor {
  const found: unknown = parameters[name] ?? buffers[name];
  if (!(found instanceof Tensor)) {
    throw new ArgumentError(`${op}: expected a tensor for ${name}, got ${describeValue(found)}.`, { op });
  }
  return name in parameters ? found : (callNamed('aten::detach', found) as Tensor);
}

/** A tensor of a script's module. */
export interface ScriptTensor {
  readonly name: string;
  readonly tensor: Tensor;
  readonly isParameter: boolean;
}

/**
 * Reads a TorchScript file, whose archive was checked before.
 *
 * @throws ERR_FORMAT, without the name of the file, if libtorch or the addon refuses it.
 */
export function readScript(path: string): {
  readonly script: Script;
  readonly tensors: readonly ScriptTensor[];
} {
  const { script, tensors, arguments: args } = native().loadScript(path);
  return {
    script: new Script(
      script,
      args,
      tensors.map(({ name }) => name),
    ),
    tensors: tensors.map(({ name, handle, isParameter }) => ({ name, tensor: adopt(handle), isParameter })),
  };
}

/** A number would be taken for a handle where a tensor is expected. */
function encode(value: unknown, { name, type, hasDefault }: ScriptArgument, op: string): NativeArgument {
  if (value === undefined || value === null) {
    if (hasDefault || type.startsWith('Optional[')) return value;
  } else if (!type.includes('Tensor')) {
    if (!(value instanceof Tensor)) return value;
  } else if (value instanceof Tensor && !type.includes('List[')) {
    return handleOf(value, op);
  } else if (Array.isArray(value) && type.includes('List[')) {
    return value.map((item) => encode(item, { name, type: 'Tensor', hasDefault: false }, op));
  }
  throw new ArgumentError(`${op}: expected ${type} for ${name}, got ${describeValue(value)}.`, { op });
}

function decode(value: NativeScriptValue): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map(decode);
  if ('handle' in value) return adoptApart(value.handle);
  const keys = value.keys.map(decode);
  const entries = value.values.map((item, i): [unknown, unknown] => [keys[i], decode(item)]);
  return entries.every((entry): entry is [string, unknown] => typeof entry[0] === 'string')
    ? Object.fromEntries(entries)
    : new Map(entries);
}

function isList(value: object): value is readonly NativeScriptValue[] {
  return Array.isArray(value);
}
