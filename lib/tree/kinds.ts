import { printValue, quote, type PathKey } from './path';
import { hashStatic, hashString, mix } from './static-value';

/**
 * What the tree functions know of one kind of node.
 *
 * NOTE [open and close]: children travel on a stack, and its top is the first child. `open` pushes a node's
 * children, the last one first; `close` pops them, the first one first. So trees of any depth are walked without
 * recursion and without an array for each node.
 */
export interface NodeKind {
  /** The kind in printed structures and errors: `array`, `Linear`. */
  readonly label: string;
  readonly hash: number;
  /** Pushes the children of `node`, the last one first, and returns the fixed part of the node. */
  open(node: unknown, into: unknown[]): unknown;
  /** Takes `count` children from the top of the stack, the first one first, and builds a node. */
  close(fixed: unknown, from: unknown[], count: number): unknown;
  /** The steps of the paths to the children. */
  keys(fixed: unknown, count: number): readonly PathKey[];
  sameFixed(a: unknown, b: unknown): boolean;
  hashFixed(fixed: unknown): number;
  /** The node in an error message. */
  describe(fixed: unknown, count: number): string;
  /** The node in a printed structure. */
  print(fixed: unknown, children: readonly string[]): string;
}

function emptyKind(label: string, value: null | undefined): NodeKind {
  return {
    label,
    hash: hashString(label),
    open: () => undefined,
    close: () => value,
    keys: () => [],
    sameFixed: () => true,
    hashFixed: () => 1,
    describe: () => label,
    print: () => label,
  };
}

export const nullKind = emptyKind('null', null);
export const undefinedKind = emptyKind('undefined', undefined);

export const arrayKind: NodeKind = {
  label: 'array',
  hash: hashString('array'),
  open(node, into) {
    const items = node as readonly unknown[];
    for (let i = items.length - 1; i >= 0; i--) into.push(items[i]);
    return undefined;
  },
  close(_fixed, from, count) {
    const items: unknown[] = [];
    for (let i = 0; i < count; i++) items.push(from.pop());
    return items;
  },
  keys(_fixed, count) {
    return Array.from({ length: count }, (_, index) => ({ kind: 'index', index }));
  },
  sameFixed: () => true,
  hashFixed: () => 1,
  describe: (_fixed, count) => `array of ${count}`,
  print: (_fixed, children) => `[${children.join(', ')}]`,
};

type Keys = readonly string[];

export const objectKind: NodeKind = {
  label: 'object',
  hash: hashString('object'),
  open(node, into) {
    const record = node as Readonly<Record<string, unknown>>;
    const keys = sorted(Object.keys(record));
    for (let i = keys.length - 1; i >= 0; i--) into.push(record[keys[i]!]);
    return keys;
  },
  close(fixed, from) {
    const record: Record<string, unknown> = {};
    for (const key of fixed as Keys) setOwn(record, key, from.pop());
    return record;
  },
  keys: (fixed) => (fixed as Keys).map((key) => ({ kind: 'key', key })),
  sameFixed: sameKeys,
  hashFixed: hashKeys,
  describe: (fixed) => `object {${few(fixed as Keys)}}`,
  print: (fixed, children) =>
    `{${children.map((child, i) => `${quote((fixed as Keys)[i] ?? '')}: ${child}`).join(', ')}}`,
};

export const mapKind: NodeKind = {
  label: 'Map',
  hash: hashString('Map'),
  open(node, into) {
    const map = node as ReadonlyMap<unknown, unknown>;
    const values = [...map.values()];
    for (let i = values.length - 1; i >= 0; i--) into.push(values[i]);
    return [...map.keys()];
  },
  close(fixed, from) {
    const map = new Map<unknown, unknown>();
    for (const key of fixed as readonly unknown[]) map.set(key, from.pop());
    return map;
  },
  keys: (fixed) => (fixed as readonly unknown[]).map((key) => ({ kind: 'key', key })),
  sameFixed: sameKeys,
  hashFixed: hashKeys,
  describe: (fixed) => `Map {${few((fixed as readonly unknown[]).map((key) => printValue(key)))}}`,
  print: (fixed, children) =>
    `Map({${children.map((child, i) => `${printValue((fixed as readonly unknown[])[i])}: ${child}`).join(', ')}})`,
};

/** The first of many keys, for an error message. */
function few(keys: Keys): string {
  return keys.length <= 8 ? keys.join(', ') : `${keys.slice(0, 8).join(', ')}, ... (${keys.length} keys)`;
}

function sorted(keys: string[]): string[] {
  for (let i = 1; i < keys.length; i++) {
    if (keys[i]! < keys[i - 1]!) return keys.sort();
  }
  return keys;
}

function sameKeys(a: unknown, b: unknown): boolean {
  const left = a as readonly unknown[];
  const right = b as readonly unknown[];
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (!Object.is(left[i], right[i])) return false;
  return true;
}

function hashKeys(fixed: unknown): number {
  let h = 37;
  for (const key of fixed as readonly unknown[]) h = mix(h, hashStatic(key));
  return h;
}

/** Adds a property even where assigning would do something else: `__proto__`. */
function setOwn(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    record[key] = value;
  }
}
