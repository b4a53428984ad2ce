import { ModuleError } from '../base/errors';
import { Field } from './field';

/** What is known of a module class, from its `static fields` and its prototype chain. */
export interface ClassInfo {
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  readonly statics: ReadonlySet<string>;
  /** Every method of the class, to recognise one that was stored in a field. */
  readonly methods: ReadonlyMap<unknown, string>;
  /** The `checkInit` of each class that has its own, from the most derived to the base. */
  readonly checks: readonly ((this: object) => void)[];
  /** A `#private` name that the constructor sets on instances, if there is one. */
  readonly privateName: string | undefined;
}

/** The classes behind those that the `module` decorator returned. */
export const undecorated = new WeakMap<object, object>();

const infos = new WeakMap<object, ClassInfo>();

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
    privateName ??= privateInstanceName(Class);
  }
  const statics = new Set([...fields].filter(([, { static: isStatic }]) => isStatic).map(([name]) => name));
  return { name: prototype.constructor.name, fields, statics, methods, checks, privateName };
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
  if (typeof fields !== 'object' || fields === null) return [];
  return Object.entries(fields).map(([name, value]: [string, unknown]) => {
    if (value instanceof Field) return [name, value];
    throw new ModuleError(
      `${Class.name}.fields.${name}: expected a value made by \`field(...)\`, got ${typeof value}.`,
      { op: Class.name },
    );
  });
}

/** The class's source is all there is to see `#private` names by: they are no properties. */
function privateInstanceName(Class: unknown): string | undefined {
  if (typeof Class !== 'function') return undefined;
  const source = Function.prototype.toString.call(undecorated.get(Class) ?? Class);
  if (!source.includes('#')) return undefined;
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, '');
  const statics = new Set(
    [...code.matchAll(/\bstatic\s+(?:async\s+|get\s+|set\s+)*(#[\w$]+)/g)].map((m) => m[1]),
  );
  return [...code.matchAll(/\bthis\s*\.\s*(#[\w$]+)/g)].map((m) => m[1]).find((name) => !statics.has(name));
}
