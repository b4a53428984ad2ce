import { ArgumentError } from '../base/errors';
import { isCallable } from '../module';
import { native, type Handle } from '../native';
import { handleOf, type Tensor } from '../tensor/tensor';
import { withTrace } from '../transform/program';
import { describeValue } from '../transform/describe';

/** The body of a loop or a branch as a program. */
export interface Body<T> {
  readonly native: object;
  /** Captured tensors of transforms and traces outside: inputs behind those that the body was traced with. */
  readonly hidden: readonly Handle[];
  /** What `record` told about the results. */
  readonly info: T;
}

/**
 * Traces the body of control flow, which runs as JavaScript once, whatever the number of its iterations.
 *
 * @param examples  tensors like those that the body will get.
 * @param record    calls the user's function; gives the tensors of its result, and what the caller wants to know of it.
 */
export function traceBody<T>(
  name: string,
  examples: readonly Tensor[],
  record: (stand: readonly Tensor[]) => readonly [results: readonly Tensor[], info: T],
): Body<T> {
  return withTrace(name, examples, 'body', (stand) => {
    const [results, info] = record(stand);
    const { program, hidden } = native().endTrace(results.map((tensor) => handleOf(tensor, name)));
    return { native: program, hidden, info };
  });
}

/** @throws ERR_ARGUMENT if a value is no function and no module. */
export function requireCallable(name: string, what: string, f: unknown): void {
  if (isCallable(f)) return;
  throw new ArgumentError(
    `${name}: expected ${what} to be a function or a module, got ${describeValue(f)}.`,
    {
      op: name,
    },
  );
}
