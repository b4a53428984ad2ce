import { isContainer } from './static-value';

/** One step from a node of a tree to one of its children. */
export type PathKey =
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'key'; readonly key: unknown }
  | { readonly kind: 'field'; readonly name: string };

/** The steps from the root of a tree to one of its nodes; the root's own path is empty. */
export type Path = readonly PathKey[];

export interface KeystrOptions {
  /** Whether keys print without dots, brackets and quotes. */
  readonly simple?: boolean;
  /** What stands between keys; nothing unless given. */
  readonly separator?: string;
}

/**
 * Prints a path as one would write the access in code: `.layers[2].weight`, `['a']`; the root is ''.
 *
 * @param options  `{ simple: true, separator: '.' }` makes `layers.2.weight`, the names of PyTorch's state dicts.
 * @see jax.tree_util.keystr.
 */
export function keystr(path: Path, { simple = false, separator = '' }: KeystrOptions = {}): string {
  return path.map(simple ? plainKey : printKey).join(separator);
}

function plainKey(step: PathKey): string {
  switch (step.kind) {
    case 'index':
      return String(step.index);
    case 'field':
      return step.name;
    case 'key':
      return typeof step.key === 'string' ? step.key : printValue(step.key);
  }
}

/** A path for the end of an error message: ` at .layers[2]`, ` at the root`; of a very long one both ends. */
export function atPath(path: Path): string {
  if (path.length === 0) return ' at the root';
  const text = keystr(path);
  return text.length <= 1000 ? ` at ${text}` : ` at ${text.slice(0, 400)} ... ${text.slice(-400)}`;
}

function printKey(step: PathKey): string {
  switch (step.kind) {
    case 'index':
      return `[${step.index}]`;
    case 'field':
      return `.${step.name}`;
    case 'key':
      return `[${printValue(step.key)}]`;
  }
}

/** A string as it stands between single quotes in source code. */
export function quote(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped}'`;
}

/** A value in a few characters: primitives, arrays and plain objects as in source code, all else by what it is. */
export function printValue(value: unknown, depth = 3): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'bigint':
      return `${value}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'function':
      return `<function ${value.name === '' ? 'anonymous' : value.name}>`;
    case 'object':
      return value === null ? 'null' : printObject(value, depth);
    default:
      return String(value);
  }
}

const mostShown = 16;

function printObject(value: object, depth: number): string {
  if (!isContainer(value)) return `<${className(value)}>`;
  const isArray = Array.isArray(value);
  const entries = Object.entries(value);
  const shown = depth <= 0 && entries.length > 0 ? [] : entries.slice(0, mostShown);
  const parts = shown.map(([key, item]) => (isArray ? '' : `${quote(key)}: `) + printValue(item, depth - 1));
  if (shown.length < entries.length) parts.push('...');
  return isArray ? `[${parts.join(', ')}]` : `{${parts.join(', ')}}`;
}

/** The name of an object's class. */
export function className(value: object): string {
  const { constructor } = value as { constructor?: unknown };
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'object';
}
