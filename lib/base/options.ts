import { ArgumentError } from './errors';

/**
 * Checks the names in an options object, so that a misspelt one is not ignored.
 *
 * @throws ERR_ARGUMENT naming the first option that is not among the allowed ones, or for what is no object.
 */
export function requireOptions(options: object, allowed: readonly string[], op: string): void {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) {
    throw new ArgumentError(
      `${op}: expected an object with ${listed(allowed)}, got ${given === null ? 'null' : typeof given}.`,
      { op },
    );
  }
  for (const name of Object.keys(options)) {
    if (allowed.includes(name)) continue;
    throw new ArgumentError(`${op}: expected ${listed(allowed)}, got ${JSON.stringify(name)}.`, { op });
  }
}

function listed(allowed: readonly string[]): string {
  if (allowed.length === 0) return 'no options';
  return `${allowed.length === 1 ? 'the option' : 'the options'} ${allowed.join(', ')}`;
}
