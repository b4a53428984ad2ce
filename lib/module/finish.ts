import { ModuleError } from '../base/errors';
import { warnOnce } from '../base/warn';
import { isPlainObject, leaves } from '../tree';
import { Tensor } from '../tensor/tensor';
import { classInfo, type ClassInfo } from './class-info';

/**
 * NOTE [finishing]: construction of a module ends when it is finished: fields are checked, converted and frozen,
 * and `checkInit` runs. For decorated classes that is right after the constructor, for all others on their first
 * way into a tree function. A module that cannot be extended is finished; there is no other mark, so nothing on
 * the instance could be taken for a field, and asking costs nothing. A finishing that throws leaves the module as
 * it was, to throw again next time.
 */
export function finish(node: object): void {
  const prototype = Object.getPrototypeOf(node) as object;
  const info = classInfo(prototype);
  checkFields(node, info);
  const staged = stage(node, info);
  if (info.checks.length > 0) {
    const copy = Object.freeze(define(Object.create(prototype) as object, staged));
    for (const check of info.checks) check.call(copy);
  }
  Object.freeze(define(node, staged));
}

/** Whether construction has ended. */
export function isFinished(node: object): boolean {
  return !Object.isExtensible(node);
}

function checkFields(node: object, info: ClassInfo): void {
  const { name } = info;
  if (info.privateName !== undefined) {
    throw new ModuleError(
      `${name}: expected no private names, got ${info.privateName}. Modules are rebuilt without their constructor, ` +
        `which would lose it. Use TypeScript's \`private\` instead of \`#\`.`,
      { op: name },
    );
  }
  for (const symbol of Object.getOwnPropertySymbols(node)) {
    if (Object.prototype.propertyIsEnumerable.call(node, symbol)) {
      throw new ModuleError(`${name}: expected fields with string names, got ${String(symbol)}.`, {
        op: name,
      });
    }
  }
  const record = node as Readonly<Record<string, unknown>>;
  for (const field of info.fields.keys()) {
    if (record[field] === undefined || !Object.hasOwn(node, field)) {
      throw new ModuleError(
        `${name}: expected the constructor to set every field that \`static fields\` names, got nothing for .${field}. ` +
          'Set it; null stands for no value.',
        { op: name },
      );
    }
  }
  for (const [field, value] of Object.entries(record)) {
    if (typeof value === 'function') checkFunction(info, field, value);
  }
}

function checkFunction(info: ClassInfo, field: string, value: { readonly name: string }): void {
  const method = info.methods.get(value);
  if (method !== undefined) {
    throw new ModuleError(
      `${info.name}: expected fields that are no methods of their own module, got ${method} at .${field}. ` +
        'Write a method that calls it instead.',
      { op: info.name },
    );
  }
  if (value.name.startsWith('bound ') && [...info.methods.values()].includes(value.name.slice(6))) {
    warnOnce(
      `${info.name}.${field} bound`,
      `${info.name}: the field .${field} holds a bound method (${value.name}). What a bound function holds is hidden ` +
        'from transforms: its tensors get no gradients. Keep the module itself in the field and call its method.',
    );
  }
}

/** The values that the fields will have, without touching the module. */
function stage(node: object, info: ClassInfo): ReadonlyMap<string, unknown> {
  const staged = new Map<string, unknown>();
  for (const [name, field] of info.fields) {
    const given = (node as Readonly<Record<string, unknown>>)[name];
    const value = field.converter === undefined ? given : field.converter(given);
    if (field.static && holdsTensor(value)) {
      warnOnce(
        `${info.name}.${name} static`,
        `${info.name}: the static field .${name} holds a tensor. Static fields are compared, not traced: it gets no ` +
          'gradient, and a compiled function keeps its value. Leave `static` away, or keep a number.',
      );
    }
    staged.set(name, field.static ? frozenCopy(value) : value);
  }
  for (const [name, value] of Object.entries(node)) if (!staged.has(name)) staged.set(name, value);
  return staged;
}

function define(node: object, staged: ReadonlyMap<string, unknown>): object {
  const record = node as Record<string, unknown>;
  for (const key of staged.keys()) {
    const value = staged.get(key);
    if (!Object.hasOwn(record, key)) {
      Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
    } else if (record[key] !== value) {
      record[key] = value;
    }
  }
  return node;
}

function holdsTensor(value: unknown): boolean {
  return (
    value instanceof Tensor ||
    (typeof value === 'object' && leaves(value).some((leaf) => leaf instanceof Tensor))
  );
}

/**
 * Arrays and plain objects in static fields count by content (NOTE [static values]), so they must not change under
 * a structure that was compared with them.
 */
function frozenCopy(value: unknown): unknown {
  if (Array.isArray(value)) return isDeepFrozen(value) ? value : Object.freeze(value.map(frozenCopy));
  if (!isPlainObject(value)) return value;
  if (isDeepFrozen(value)) return value;
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, frozenCopy(item)])),
  );
}

function isDeepFrozen(value: unknown): boolean {
  if (!Array.isArray(value) && !isPlainObject(value)) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeepFrozen);
}
