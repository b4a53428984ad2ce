import { isContainer } from './static-value';

/** One step from a node of a tree to one of its children. */
export type PathKey =
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'key'; readonly key: unknown }
  | { readonly kind: 'field'; readonly name: string };

/** The steps from the root of a tree to one of its nodes; the root's own path is empty. */
export type Path = readonly PathKey[];

/**
 * Prints a path as one would write the access in code: `.layers[2].weight`, `['a']`; the root is ''.
 *
 * @see jax.tree_util.keystr.
 */
export function keystr(path: Path): string {
  return path.map(printKey).join('');
}

/** A path for the end of an error message: ` at .layers[2]`, ` at the root`. */
export function atPath(path: Path): string {
  return path.length === 0 ? ' at the root' : ` at ${keystr(path)}`;
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
