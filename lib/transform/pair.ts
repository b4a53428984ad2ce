import { TransformError } from '../base/errors';
import { describeValue } from './describe';

/** The two parts of what a function returned. @throws ERR_TRANSFORM if it returned no array of two. */
export function pairOf(op: string, expected: string, result: unknown): readonly [unknown, unknown] {
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw new TransformError(`${op}: expected ${expected}, got ${describeValue(result)}.`, { op });
}
