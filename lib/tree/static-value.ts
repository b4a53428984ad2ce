/**
 * NOTE [static values]: the parts of a tree's structure that are values (static fields of modules, the fixed part
 * of registered classes) are compared and hashed in one way everywhere. Primitives go by value, where NaN equals
 * itself and 0 differs from -0, because a function traced for one must not be used for the other. Arrays and
 * plain objects go by content, of any depth, also where they contain themselves. All else (functions, class
 * instances) goes by identity.
 */
export function sameStatic(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isContainer(a) || !isContainer(b)) return false;
  return sameContent(a, b);
}

/** From this many pairs on, values are suspected of containing themselves. */
const suspiciousCount = 1000;

function sameContent(a: Container, b: Container): boolean {
  const pending: Container[] = [a, b];
  let compared = 0;
  let met: Map<Container, Set<Container>> | undefined;
  while (pending.length > 0) {
    const right = pending.pop()!;
    const left = pending.pop()!;
    if (++compared > suspiciousCount) {
      met ??= new Map();
      let partners = met.get(left);
      if (partners === undefined) met.set(left, (partners = new Set()));
      // What is being compared already may be taken as equal: a difference shows elsewhere.
      if (partners.has(right)) continue;
      partners.add(right);
    }
    const keys = keysOf(left);
    if (Array.isArray(left) !== Array.isArray(right) || keys.length !== keysOf(right).length) return false;
    for (const key of keys) {
      if (!Array.isArray(left) && !Object.hasOwn(right, key)) return false;
      const one = left[key];
      const other = right[key];
      if (Object.is(one, other)) continue;
      if (!isContainer(one) || !isContainer(other)) return false;
      pending.push(one, other);
    }
  }
  return true;
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
      if (value === null) return 17;
      return isContainer(value) ? hashContent(value) : identityOf(value);
  }
}

/** The first values in a fixed order decide, so that any depth and cycles come to an end. */
function hashContent(value: Container): number {
  let h = 23;
  let left = suspiciousCount;
  const pending: Container[] = [value];
  for (let at = pending.pop(); at !== undefined && left > 0; at = pending.pop()) {
    const isArray = Array.isArray(at);
    const keys = keysOf(at);
    h = mix(h, isArray ? keys.length : -keys.length);
    for (const key of keys) {
      if (left-- <= 0) break;
      const item = at[key];
      if (!isArray) h = mix(h, hashStatic(key));
      if (isContainer(item)) pending.push(item);
      else h = mix(h, hashStatic(item));
    }
  }
  return h;
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

type Container = Readonly<Record<string | number, unknown>>;

/** The positions of an array, holes included, or the keys of an object, in whatever order they were written. */
function keysOf(value: Container): readonly (string | number)[] {
  return Array.isArray(value) ? Array.from(value.keys()) : Object.keys(value).sort();
}

/** Whether a value goes by its content: an array or a plain object. */
export function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null && (Array.isArray(value) || isPlainObject(value));
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
