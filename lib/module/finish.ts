import { warnOnce } from '../base/warn';
import { kindOf } from '../tree';
import { Tensor } from '../tensor/tensor';
import { classInfo, isOwnArrow, type ClassInfo } from './class-info';
import { frozenCopy } from './frozen-copy';
import * as misuse from './misuse';
import { rawTransformOfArrays } from './raw-transform';

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
  if (info.privateName !== undefined) throw misuse.privateName(name, info.privateName);
  for (const symbol of Object.getOwnPropertySymbols(node)) {
    if (Object.prototype.propertyIsEnumerable.call(node, symbol)) throw misuse.symbolField(name, symbol);
  }
  for (const field of info.fields.keys()) {
    if (!Object.hasOwn(node, field) || (node as Readonly<Record<string, unknown>>)[field] === undefined) {
      throw misuse.unsetField(name, field);
    }
  }
  for (const field of Object.keys(node)) {
    const property = Object.getOwnPropertyDescriptor(node, field)!;
    if (!Object.hasOwn(property, 'value')) throw misuse.accessorField(name, field);
    if (typeof property.value === 'function') checkFunction(info, field, property.value as NamedFunction);
    else if (!info.statics.has(field)) checkHidden(info, field, property.value);
  }
}

type NamedFunction = ((...args: never[]) => unknown) & { readonly name: string };

function checkFunction(info: ClassInfo, field: string, value: NamedFunction): void {
  const method = info.methods.get(value);
  if (method !== undefined) throw misuse.methodInField(info.name, field, method);
  if (isOwnArrow(info, value)) throw misuse.arrowInField(info.name, field);
  const transform = rawTransformOfArrays(value);
  if (transform !== undefined) {
    warnOnce(`${info.name}.${field} raw`, misuse.rawTransformInField(info.name, field, transform));
  }
  if (value.name.startsWith('bound ') && info.methodNames.has(value.name.slice(6))) {
    warnOnce(`${info.name}.${field} bound`, misuse.boundMethodInField(info.name, field, value.name));
  }
}

/** Warns of a Promise, and of tensors directly in a leaf: a Set, an object of a class that is not registered. */
function checkHidden(info: ClassInfo, field: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Tensor) return;
  if (ArrayBuffer.isView(value) || kindOf(value) !== undefined) return;
  if (value instanceof Promise) {
    warnOnce(`${info.name}.${field} promise`, misuse.promiseInField(info.name, field));
    return;
  }
  const isTensor = (part: unknown): boolean => part instanceof Tensor;
  const hides =
    value instanceof Set
      ? [...value].some(holdsTensor)
      : dataOf(value).some((part) => (Array.isArray(part) ? part.some(isTensor) : isTensor(part)));
  if (!hides) return;
  const { name } = value.constructor;
  const message =
    value instanceof Set
      ? misuse.tensorsInSet(info.name, field)
      : misuse.hiddenTensors(info.name, field, name);
  warnOnce(`${info.name}.${field} hidden`, message);
}

/** Own values, without running what accessors compute. */
function dataOf(value: object): unknown[] {
  return Object.values(Object.getOwnPropertyDescriptors(value)).map(
    ({ value: data }: PropertyDescriptor): unknown => data,
  );
}

/** The values that the fields will have, without touching the module. */
function stage(node: object, info: ClassInfo): ReadonlyMap<string, unknown> {
  const staged = new Map<string, unknown>();
  for (const [name, field] of info.fields) {
    const given = (node as Readonly<Record<string, unknown>>)[name];
    const value = field.converter === undefined ? given : field.converter(given);
    if (field.static && holdsTensor(value)) {
      warnOnce(`${info.name}.${name} static`, misuse.tensorInStatic(info.name, name));
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
  const met = new Set<unknown>();
  const pending = [value];
  while (pending.length > 0) {
    const part = pending.pop();
    if (part instanceof Tensor) return true;
    if (typeof part === 'function' && rawTransformOfArrays(part) !== undefined) return true;
    if (met.has(part)) continue;
    met.add(part);
    const kind = kindOf(part);
    // Opening a module would finish it, perhaps the one that is being finished: an enumeration's item leads to itself.
    if (typeof part === 'object' && !(part instanceof Map) && kind !== undefined && !isFinished(part!))
      pending.push(...dataOf(part!));
    else kind?.open(part, pending);
  }
  return false;
}
