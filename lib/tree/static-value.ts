/**
 * NOTE [static values]: the parts of a tree's structure that are values (static fields of modules, the fixed part
 * of registered classes) are compared and hashed in one way everywhere. Primitives go by value, where NaN equals
 * itself and 0 differs from -0, because a function traced for one must not be used for the other. Arrays and
 * plain objects go by content. All else (functions, class instances) goes by identity.
 */
export function sameStatic(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => sameStatic(item, b[i]));
  }
  if (!isPlainObject(a) || !isPlainObject(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && sameStatic(a[key], b[key]));
}

/** Equal for values that are the same in the sense of NOTE [static values]. */
export function hashStatic(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return hashString(value);
    case 'number':
      return hashNumber(value);
    case 'boolean':
      return value ? 3 : 5;
    case 'undefined':
      return 7;
    case 'bigint':
      return mix(11, hashString(value.toString()));
    case 'symbol':
      return 13;
    case 'function':
      return identityOf(value);
    case 'object':
      return value === null ? 17 : hashObject(value);
  }
}

/** Folds a number into a hash. */
export function mix(hash: number, value: number): number {
  let h = Math.imul(hash ^ value, 0x9e3779b1);
  h ^= h >>> 15;
  return Math.imul(h, 0x85ebca6b) ^ (h >>> 13);
}

export function hashString(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}

/** Whether a value is an object without a class of its own: a literal, or one without a prototype. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  return isPlainPrototype(Object.getPrototypeOf(value) as object | null);
}

/** Also true of the `Object.prototype` of another realm: a worker's message, a test runner's sandbox. */
export function isPlainPrototype(prototype: object | null): boolean {
  if (prototype === null || prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

const bits = new Float64Array(1);
const words = new Uint32Array(bits.buffer);

function hashNumber(value: number): number {
  if (Number.isNaN(value)) return 19;
  bits[0] = value;
  return mix(words[0] ?? 0, words[1] ?? 0);
}

function hashObject(value: object): number {
  if (Array.isArray(value)) return value.reduce<number>((h, item) => mix(h, hashStatic(item)), value.length);
  if (!isPlainObject(value)) return identityOf(value);
  // A sum, because the order in which keys were written does not count.
  let h = 23;
  for (const key of Object.keys(value)) h = (h + mix(hashString(key), hashStatic(value[key]))) | 0;
  return h;
}

const identities = new WeakMap<object, number>();
let identityCount = 0;

function identityOf(value: object): number {
  let id = identities.get(value);
  if (id === undefined) {
    id = mix(29, ++identityCount);
    identities.set(value, id);
  }
  return id;
}
