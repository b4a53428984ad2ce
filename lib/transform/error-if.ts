import { isInexactDType, type DType } from '../base/dtype';
import { ArgumentError, DtypeError, EquinodeRuntimeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { flag } from '../base/flags';
import { userLine } from '../base/user-line';
import { native } from '../native';
import * as ops from '../ops';
import { callNamed } from '../ops/call';
import { tensor } from '../tensor/create';
import { handleOf, Tensor } from '../tensor/tensor';
import { flatten, unflatten } from '../tree';
import { callPure, hangOn } from './callback-operator';
import { describeValue } from './describe';

/** What happens where a check fails. */
export type OnError = 'default' | 'raise' | 'nan' | 'breakpoint' | 'off';

export interface ErrorIfOptions {
  /** `default` is what the environment variable EQUINODE_ON_ERROR says, and `raise` where it is not set. */
  readonly onError?: OnError | undefined;
}

const modes = ['raise', 'nan', 'breakpoint', 'off'] as const;
type Mode = (typeof modes)[number];

/**
 * Throws an error that depends on values, also inside `jit`, `vmap`, `grad` and loops.
 *
 * The check is part of the computation: it runs before anything that uses the result, and is left out of a compiled
 * program in which nothing does. Derivatives pass unchanged. A predicate that is known (a boolean, or a tensor that no
 * transform stands around) is looked at in the call.
 *
 * @param x  a tree with at least one tensor.
 * @param pred  bool[...]: the error is thrown if any element is true. Under `vmap` the message names the elements of
 *   the batch that failed: `Batch index (1,) had error:`.
 * @param message  what the error says, followed by the line of this call.
 * @param options  `onError`: `raise`; `nan` gives NaN (the largest integer, true) instead of x; `breakpoint` stops an
 *   attached debugger before it raises; `off` leaves the check out.
 * @returns x.
 * @throws ERR_RUNTIME where the check fails, from the call or from the compiled function that contains it; ERR_ARGUMENT
 *   if x has no tensor, or an option or EQUINODE_ON_ERROR is unknown; ERR_DTYPE if the predicate is not bool.
 * @example
 * const root = jit((x: Tensor) => errorIf(x, x.lt(0), 'x must not be negative').sqrt());
 * @see equinox.error_if (v0.13.8). Differences: the failed elements of a batch are named; after `breakpoint` the error
 *   is raised instead of going on with NaN.
 */
export function errorIf<T>(x: T, pred: boolean | Tensor, message: string, options: ErrorIfOptions = {}): T {
  return check('errorIf', x, pred, 0, [message], options);
}

/**
 * As `errorIf`, with the message that an index chooses.
 *
 * @param index  int[...] or a number: which of `messages` to say; of several the largest. One out of range is reported
 *   as such.
 * @throws as `errorIf` does; ERR_ARGUMENT if there is no message.
 * @see equinox.branched_error_if.
 */
export function branchedErrorIf<T>(
  x: T,
  pred: boolean | Tensor,
  index: number | Tensor,
  messages: readonly string[],
  options: ErrorIfOptions = {},
): T {
  return check('branchedErrorIf', x, pred, index, messages, options);
}

function check<T>(
  op: string,
  x: T,
  pred: boolean | Tensor,
  index: number | Tensor,
  messages: readonly string[],
  options: ErrorIfOptions,
): T {
  requireOptions(options, ['onError'], op);
  const { onError = 'default' } = options;
  const mode = modeOf(op, onError);
  requireOperands(op, pred, index, messages);
  if (mode === 'off') return x;
  const known = knownValue(pred);
  if (known === false) return x;
  const chosen = typeof index === 'number' ? index : knownIndex(index);
  if (known === true && chosen !== undefined && mode !== 'nan') {
    // eslint-disable-next-line no-debugger -- what `breakpoint` asks for
    if (mode === 'breakpoint') debugger;
    throw new EquinodeRuntimeError(messageAt(messages, chosen) + where(), { op });
  }

  const [leaves, structure] = flatten(x);
  if (!leaves.some((leaf) => leaf instanceof Tensor)) {
    throw new ArgumentError(
      `${op}: expected a tensor to hang the check on, got ${describeValue(x)} without one. Pass what is used after the check.`,
      { op },
    );
  }
  const failed = scalar(pred instanceof Tensor ? pred.any() : tensor(pred));
  const which = index instanceof Tensor ? scalar(index.max()).to('int64') : tensor(index, { dtype: 'int64' });
  const apply =
    mode === 'nan'
      ? (leaf: Tensor): Tensor => ops.where(failed, nanLike(leaf), leaf)
      : hangOn(mode === 'breakpoint' ? stopToken(failed, which, messages) : token(failed, which, messages));
  return unflatten(
    structure,
    leaves.map((leaf) => (leaf instanceof Tensor ? apply(leaf) : leaf)),
  ) as T;
}

function modeOf(op: string, given: OnError): Mode {
  const wanted = given === 'default' ? (flag('EQUINODE_ON_ERROR') ?? 'raise') : given;
  const mode = modes.find((one) => one === wanted);
  if (mode !== undefined) return mode;
  const name = given === 'default' ? 'EQUINODE_ON_ERROR' : '`onError`';
  throw new ArgumentError(`${op}: expected ${name} to be one of ${modes.join(', ')}, got ${wanted}.`, {
    op,
  });
}

function requireOperands(
  op: string,
  pred: boolean | Tensor,
  index: number | Tensor,
  messages: readonly string[],
): void {
  if (typeof pred !== 'boolean' && !(pred instanceof Tensor && pred.dtype === 'bool')) {
    throw new DtypeError(
      `${op}: expected a boolean or a tensor of bool as the predicate, got ${describeValue(pred)}. Compare it with something.`,
      { op },
    );
  }
  if (index instanceof Tensor ? !/^u?int/.test(index.dtype) : !Number.isInteger(index)) {
    throw new ArgumentError(`${op}: expected an integer as the index, got ${describeValue(index)}.`, { op });
  }
  const wrong = messages.findIndex((message) => typeof message !== 'string');
  if (messages.length > 0 && wrong < 0) return;
  throw new ArgumentError(
    `${op}: expected messages that are strings, got ${wrong < 0 ? 'none' : describeValue(messages[wrong])}.`,
    { op },
  );
}

/** The value of a predicate where no transform hides it. */
function knownValue(pred: boolean | Tensor): boolean | undefined {
  if (typeof pred === 'boolean') return pred;
  if (native().layers(handleOf(pred, 'errorIf')) !== '') return undefined;
  return pred.any().item() as boolean;
}

function knownIndex(index: Tensor): number | undefined {
  if (native().layers(handleOf(index, 'branchedErrorIf')) !== '') return undefined;
  return Number(index.max().item());
}

function messageAt(messages: readonly string[], index: number): string {
  return (
    messages[index] ??
    `An error occurred, but which one is unknown: expected an index of one of ${messages.length} message(s), got ${index}.`
  );
}

/** Whether a failed check is to raise, as EQUINODE_ON_ERROR has it. */
export function raisesByDefault(op: string): boolean {
  const mode = modeOf(op, 'default');
  return mode === 'raise' || mode === 'breakpoint';
}

/** The end of a message: the line of the user's call. */
export function where(): string {
  return `\nThe check stands at ${userLine()}. EQUINODE_ON_ERROR=breakpoint stops an attached debugger in it.`;
}

function scalar(x: Tensor): Tensor {
  return x.ndim === 0 ? x : x.reshape([]);
}

function token(failed: Tensor, which: Tensor, messages: readonly string[]): Tensor {
  return callNamed('equinode::check', failed, which, messages, where()) as Tensor;
}

/** As `token`, by way of JavaScript, where a debugger can stop. */
function stopToken(failed: Tensor, which: Tensor, messages: readonly string[]): Tensor {
  const place = where();
  const stop = (inputs: readonly Tensor[]): readonly Tensor[] => {
    const [pred, index] = inputs as readonly [Tensor, Tensor];
    if (pred.any().item() === true) {
      const message = messageAt(messages, Number(index.max().item()));
      // eslint-disable-next-line no-debugger -- what `breakpoint` asks for
      debugger;
      throw new EquinodeRuntimeError(message + place, { op: 'errorIf' });
    }
    return [pred];
  };
  return callPure(stop, [failed, which], [{ shape: [], dtype: 'bool' }], true)[0]!;
}

const largest: Partial<Record<DType, number | bigint>> = {
  int8: 127,
  int16: 32767,
  int32: 2147483647,
  int64: 9223372036854775807n,
  uint8: 255,
  uint16: 65535,
  uint32: 4294967295,
  uint64: 18446744073709551615n,
};

function nanLike(x: Tensor): Tensor {
  const value = isInexactDType(x.dtype) ? NaN : x.dtype === 'bool' ? true : (largest[x.dtype] ?? NaN);
  return tensor(value, { dtype: x.dtype, device: x.device });
}
