import { ArgumentError } from '../base/errors';
import { describeValue } from './describe';

/**
 * The positions that an option such as `argnums` names among so many arguments, negative ones counted from the end.
 *
 * @throws ERR_ARGUMENT for what is no position of an argument, or names one twice.
 */
export function positionsOf(op: string, option: string, given: unknown, count: number): number[] {
  const all: readonly unknown[] = Array.isArray(given) ? given : [given];
  const positions: number[] = [];
  for (const one of all) {
    const position = typeof one === 'number' && one < 0 ? one + count : one;
    const isPosition = typeof position === 'number' && Number.isInteger(position);
    if (!isPosition || position < 0 || position >= count) {
      throw new ArgumentError(
        `${op}: expected \`${option}\` to name one of ${count} argument(s), got ${describeValue(one)}.`,
        { op },
      );
    }
    if (positions.includes(position)) {
      throw new ArgumentError(
        `${op}: expected \`${option}\` to name each argument once, got ${all.join(', ')} for ${count} argument(s).`,
        { op },
      );
    }
    positions.push(position);
  }
  return positions;
}
