import { inspect } from 'node:util';

/** Any value in few words, for messages: what a caller gave where something else was expected. */
export function showValue(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const { constructor } = value as { constructor?: unknown };
    return typeof constructor === 'function' && constructor !== Object
      ? `an object of class ${constructor.name}`
      : 'an object';
  }
  return inspect(value, { depth: 1, maxArrayLength: 8, maxStringLength: 80, breakLength: Infinity });
}
