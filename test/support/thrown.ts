import { EquinodeError } from '../../lib/base/errors';

/** The error of the library's own kind that a function throws; anything else fails the test. */
export function thrown(run: () => unknown): EquinodeError {
  try {
    run();
  } catch (error) {
    if (error instanceof EquinodeError) return error;
    throw error;
  }
  throw new Error('expected an error, and nothing was thrown');
}

/** The code of the error that a function throws. */
export function codeOf(run: () => unknown): string {
  return thrown(run).code;
}
