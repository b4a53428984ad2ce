import { inspect } from 'node:util';
import { dtypeInfo } from '../base/dtype';
import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { kindOf, printValue, quote } from '../tree';
import { ShapeDtypeStruct } from '../tensor/shape-dtype-struct';
import { Tensor } from '../tensor/tensor';
import { ModuleKind, wrappedName } from './kind';
import { Bracketed, render, type Layout, type Part } from './layout';

export interface PformatOptions {
  /** The columns to stay within where possible; 80 unless given. */
  readonly width?: number;
  /** The columns to indent by; 2 unless given. */
  readonly indent?: number;
  /** Whether tensors print as `f32[3,4]` instead of their values; true unless given. */
  readonly shortArrays?: boolean;
  /** Whether a `ShapeDtypeStruct` prints as a tensor of its shape and dtype would; false unless given. */
  readonly structAsArray?: boolean;
  /** Asked for every node; where it answers true, `Name(...)` is printed instead of the node. */
  readonly truncateLeaf?: (node: unknown) => boolean;
}

/** Nodes further down than this print as `...`. */
const deepest = 200;

/**
 * Prints a tree for people: modules with all their fields, tensors by dtype and shape.
 *
 * @returns The text, over several lines where one does not suffice. A module whose class has a `toString` of its own
 *   prints as that.
 * @example
 * treePformat(new nn.Linear(2, 3, { key })); // Linear(weight=f32[3,2], bias=f32[3], inFeatures=2, ...)
 * @throws ERR_ARGUMENT for a width or an indentation that is no number from 0 on, and unknown options.
 * @see equinox.tree_pformat. Differences: values print as JavaScript writes them (`null`, `true`).
 */
export function treePformat(t: unknown, options: PformatOptions = {}): string {
  requireOptions(options, optionNames, 'treePformat');
  const { width = 80, indent = 2 } = options;
  checkOptions(options, width, indent);
  return render(new Printer(options).layout(t), width, indent);
}

const optionNames = ['width', 'indent', 'shortArrays', 'structAsArray', 'truncateLeaf'];

function checkOptions(options: PformatOptions, width: unknown, indent: unknown): void {
  const op = 'treePformat';
  const refuse = (expected: string, got: unknown): ArgumentError =>
    new ArgumentError(`${op}: expected ${expected}, got ${String(got)}.`, { op });
  if (typeof width !== 'number' || !(width >= 0)) throw refuse('a width of 0 columns or more', width);
  if (!Number.isSafeInteger(indent) || (indent as number) < 0) {
    throw refuse('an indent that is a whole number from 0 on', indent);
  }
  const { truncateLeaf } = options;
  if (truncateLeaf !== undefined && typeof (truncateLeaf as unknown) !== 'function') {
    throw refuse('truncateLeaf to be a function', truncateLeaf);
  }
}

/** Prints a module with its fields, also where its class has a `toString` of its own. */
export function pformatFields(node: object): string {
  return render(new Printer({}).fields(node), 80, 2);
}

/**
 * Prints a tree to the standard output as `treePformat` lays it out.
 *
 * @see equinox.tree_pprint.
 */
export function treePprint(t: unknown, options?: PformatOptions): void {
  process.stdout.write(`${treePformat(t, options)}\n`);
}

/** A module with a `toString` of its own. */
interface Printed {
  toString(): string;
}

class Printer {
  private readonly _above = new Set<unknown>();
  private readonly _options: PformatOptions;

  constructor(options: PformatOptions) {
    this._options = options;
  }

  layout(value: unknown): Layout {
    if (this._options.truncateLeaf?.(value) === true) return `${nameOf(value)}(...)`;
    if (value instanceof Tensor) return this._tensor(value);
    if (value instanceof ShapeDtypeStruct) return this._struct(value);
    if (typeof value === 'object' && value !== null) return this._object(value);
    return typeof value === 'function' ? printFunction(value) : printValue(value);
  }

  private _object(value: object): Layout {
    const kind = kindOf(value);
    if (kind === undefined) return inspect(value, { depth: 0 });
    if (kind instanceof ModuleKind && kind.printsItself) return (value as Printed).toString();
    return this.fields(value);
  }

  /** An object by its children. */
  fields(value: object): Layout {
    if (this._above.has(value)) return '<recursive>';
    if (this._above.size >= deepest) return '...';
    this._above.add(value);
    const layout = this._node(value);
    this._above.delete(value);
    return layout;
  }

  private _node(value: object): Layout {
    if (Array.isArray(value)) {
      return new Bracketed(
        '[',
        value.map((item: unknown) => this._part('', item)),
        ']',
      );
    }
    if (value instanceof Map) {
      return new Bracketed(
        'Map({',
        [...value].map(([key, item]) => this._part(`${printValue(key)}:`, item, true)),
        '})',
      );
    }
    const kind = kindOf(value);
    if (kind instanceof ModuleKind) {
      // Not through `kind.open`: printing a module inside its own constructor must not end the construction.
      const parts = Object.entries(value).map(([name, item]: [string, unknown]) =>
        this._part(`${name}=`, item),
      );
      const { [wrappedName]: wrapped } = value as { [wrappedName]?: string };
      return wrapped === undefined
        ? new Bracketed(`${kind.label}(`, parts, ')')
        : `<wrapped function ${wrapped}>`;
    }
    if (kind === undefined || kind.label === 'object') {
      const record = value as Readonly<Record<string, unknown>>;
      const parts = Object.keys(record).map((key) => this._part(`${quote(key)}:`, record[key], true));
      return new Bracketed('{', parts, '}');
    }
    const children: unknown[] = [];
    const keys = kind.keys(kind.open(value, children), children.length);
    const parts = keys.map((key, i) =>
      this._part(key.kind === 'field' ? `${key.name}=` : '', children[children.length - 1 - i]),
    );
    return new Bracketed(`${kind.label}(`, parts, ')');
  }

  private _part(prefix: string, value: unknown, isKey = false): Part {
    return { prefix, isKey, body: this.layout(value) };
  }

  private _tensor(tensor: Tensor): string {
    if (tensor.isDisposed) return '<disposed tensor>';
    return this._options.shortArrays === false ? inspect(tensor) : summary(tensor);
  }

  private _struct(struct: ShapeDtypeStruct): string {
    if (this._options.structAsArray === true) return summary(struct);
    return `ShapeDtypeStruct(shape=[${struct.shape.join(', ')}], dtype=${struct.dtype})`;
  }
}

function summary({ dtype, shape }: ShapeDtypeStruct | Tensor): string {
  return `${dtypeInfo(dtype).short}[${shape.join(',')}]`;
}

function printFunction(value: { readonly name: string }): string {
  const kind = kindOf(value);
  if (kind !== undefined) {
    // What a filtered transform returns: a node around what it wraps.
    const children: unknown[] = [];
    kind.open(value, children);
    const inner = children.at(-1);
    const name = typeof inner === 'function' ? inner.name : nameOf(inner);
    return name === '' ? '<wrapped function>' : `<wrapped function ${name}>`;
  }
  const what = Function.prototype.toString.call(value).startsWith('class') ? 'class' : 'function';
  return value.name === '' ? `<${what}>` : `<${what} ${value.name}>`;
}

function nameOf(value: unknown): string {
  return (
    kindOf(value)?.label ??
    (typeof value === 'object' && value !== null ? value.constructor.name : typeof value)
  );
}
