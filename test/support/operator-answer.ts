import { EquinodeError } from '../../lib/base/errors';
import { tidy } from '../../lib/tensor/tidy';

/** What came of one question about a sample: '' if all is well, else what is wrong or what the error said. */
export type Answer = string;

/** Whether an answer is an error of the library's own, and not a wrong result. */
export function isRefusal(said: Answer): boolean {
  return said.startsWith('ERR_');
}

/** Runs a question; an error of the library's own is an answer, and any other a failure of it. */
export function answer(body: () => Answer): Answer;
export function answer(body: () => Answer | undefined): Answer | undefined;
export function answer(body: () => Answer | undefined): Answer | undefined {
  try {
    return tidy(body);
  } catch (error) {
    if (error instanceof EquinodeError) return `${error.code}: ${error.message.split('\n')[0]}`;
    return `not the library's own error: ${String(error)}`;
  }
}

export const failed = Symbol('failed');

/** What a body gives, or `failed`: some operators refuse numbers that a sample was not made for. */
export function otherwise(body: () => unknown): unknown {
  try {
    return body();
  } catch {
    return failed;
  }
}
