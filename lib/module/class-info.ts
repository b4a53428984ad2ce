import { Field } from './field';
import { fieldsNoObject, notAField } from './misuse';

/** What is known of a module class, from its `static fields` and its prototype chain. */
export interface ClassInfo {
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  readonly statics: ReadonlySet<string>;
  /** Every method of the class, to recognise one that was stored in a field. */
  readonly methods: ReadonlyMap<unknown, string>;
  readonly methodNames: ReadonlySet<string>;
  /** The source of each class that has one of its own, without strings and comments. */
  readonly sources: readonly string[];
  /** The `checkInit` of each class that has its own, from the most derived to the base. */
  readonly checks: readonly ((this: object) => void)[];
  /** A `#private` name that the constructor sets on instances, if there is one. */
  readonly privateName: string | undefined;
}

/** The classes behind those that the `module` decorator returned. */
export const undecorated = new WeakMap<object, object>();

const infos = new WeakMap<object, ClassInfo>();

/** The source of each function that was asked about; '' for one that is no arrow function around `this`. */
const arrows = new WeakMap<object, string>();

/**
 * Whether a function is an arrow function that is written in the class itself and uses the `this` that it was made
 * with: `act = (x) => this.weight.mul(x)`.
 */
export function isOwnArrow(info: ClassInfo, value: (...args: never[]) => unknown): boolean {
  let source = arrows.get(value);
  if (source === undefined) {
    source = Object.hasOwn(value, 'prototype') ? '' : codeOf(value);
    const isArrow = /^(?:async\s*)?(?:\([^]*?\)|[\w$]+)\s*=>[^]*\bthis\b/.test(source);
    // Functions inside it may have a `this` of their own.
    if (!isArrow || /\b(?:function|class)\b/.test(source)) source = '';
    arrows.set(value, source);
  }
  if (source === '') return false;
  const code = source;
  return info.sources.some((all) => all.includes(code));
}

/** @param prototype  The prototype of a class that extends `Module`. */
export function classInfo(prototype: object): ClassInfo {
  let info = infos.get(prototype);
  if (info === undefined) {
    info = read(prototype);
    infos.set(prototype, info);
  }
  return info;
}

function read(prototype: object): ClassInfo {
  const fields = new Map<string, Field>();
  const methods = new Map<unknown, string>();
  const checks: ((this: object) => void)[] = [];
  const sources: string[] = [];
  let privateName: string | undefined;
  for (const proto of chain(prototype)) {
    const Class = proto.constructor;
    for (const [name, value] of ownFields(Class)) if (!fields.has(name)) fields.set(name, value);
    for (const name of Object.getOwnPropertyNames(proto)) {
      const method: unknown = Object.getOwnPropertyDescriptor(proto, name)?.value;
      if (name === 'constructor' || typeof method !== 'function') continue;
      methods.set(method, name);
      if (name === 'checkInit') checks.push(method as (this: object) => void);
    }
    if (typeof Class !== 'function') continue;
    const source = codeOf(undecorated.get(Class) ?? Class);
    sources.push(source);
    privateName ??= privateInstanceName(source);
  }
  const statics = new Set([...fields].filter(([, { static: isStatic }]) => isStatic).map(([name]) => name));
  const methodNames = new Set(methods.values());
  const { name } = prototype.constructor;
  return { name, fields, statics, methods, methodNames, sources, checks, privateName };
}

/** The prototypes from the most derived class up to, and without, `Module` itself and `Object`. */
function chain(prototype: object): object[] {
  const found: object[] = [];
  let at: object | null = prototype;
  while (at !== null && at !== Object.prototype) {
    found.push(at);
    at = Object.getPrototypeOf(at) as object | null;
  }
  return found;
}

function ownFields(Class: unknown): [string, Field][] {
  if (typeof Class !== 'function' || !Object.hasOwn(Class, 'fields')) return [];
  const { fields } = Class as { fields?: unknown };
  if (fields === undefined) return [];
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw fieldsNoObject(Class.name, Array.isArray(fields) ? 'an array' : typeof fields);
  }
  return Object.entries(fields).map(([name, value]: [string, unknown]) => {
    if (value instanceof Field) return [name, value];
    throw notAField(Class.name, name, typeof value);
  });
}

/** The source of a function or class without strings and comments. */
function codeOf(value: object): string {
  return Function.prototype.toString
    .call(value)
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, '');
}

/** The class's source is all there is to see `#private` names by: they are no properties. */
function privateInstanceName(code: string): string | undefined {
  // What TypeScript makes of them for targets before ES2022.
  const lowered = /\b__classPrivateField(?:Get|Set)\(this, (?:_\w+_instances, , )?_[a-zA-Z\d$]+_(\w+)/.exec(
    code,
  );
  if (lowered !== null) return `#${lowered[1]!}`;
  if (!code.includes('#')) return undefined;
  const statics = new Set(
    [...code.matchAll(/\bstatic\s+(?:async\s+|get\s+|set\s+)*(#[\w$]+)/g)].map((m) => m[1]),
  );
  return [...code.matchAll(/[\w$)\]]\s*\??\.\s*(#[\w$]+)/g)]
    .map((m) => m[1])
    .find((name) => !statics.has(name));
}
