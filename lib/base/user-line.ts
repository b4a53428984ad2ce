import { join, sep } from 'node:path';

const library = join(__dirname, '..') + sep;

/**
 * The place in the user's program that called into the library, as a stack shows it: `f (/home/me/model.ts:12:5)`.
 * Empty where the stack tells none.
 */
export function userLine(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 50;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  for (const line of stack.split('\n').slice(1)) {
    if (line.includes(library) || line.includes('(node:') || line.includes('(<anonymous>)')) continue;
    return line.trim().replace(/^at /, '');
  }
  return '';
}
