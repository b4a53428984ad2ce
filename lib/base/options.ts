import { ArgumentError } from './errors';

/**
 * Checks the names in an options object, so that a misspelt one is not ignored.
 *
 * @throws ERR_ARGUMENT naming the first option that is not among the allowed ones.
 */
export function requireOptions(options: object, allowed: readonly string[], op: string): void {
  for (const name of Object.keys(options)) {
    if (allowed.includes(name)) continue;
    throw new ArgumentError(
      `${op}: expected ${allowed.length === 1 ? 'the option' : 'the options'} ${allowed.join(', ')}, got ${JSON.stringify(name)}.`,
      { op },
    );
  }
}
