import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { call, type Callable } from '../module';
import { native } from '../native';
import { adopt } from '../tensor/lifetime';
import { handleOf, type Tensor } from '../tensor/tensor';
import { refusePromise, tidy } from '../tensor/tidy';
import { describeValue } from '../transform/describe';
import { requireCallable, traceBody } from './body';
import { boundedLoop } from './bounded';
import { putTogether, takeApart, tensorsLike } from './parts';
import { truthOf } from './truth';

/** How a loop of unknown length is differentiated; see `whileLoop`. */
export type WhileKind = 'lax' | 'checkpointed' | 'bounded';

export interface WhileLoopOptions {
  /** Default 'lax'. */
  readonly kind?: WhileKind | undefined;
  /** The loop ends after so many steps, whatever the condition says. */
  readonly maxSteps?: number | undefined;
  /** For 'checkpointed': how many carries are kept for the backward pass. By default about the root of `2 * maxSteps`. */
  readonly checkpoints?: number | undefined;
  /** For 'bounded': the length of each of the nested loops. Default 16. */
  readonly base?: number | undefined;
}

const kinds: readonly WhileKind[] = ['lax', 'checkpointed', 'bounded'];

/**
 * Applies a function as long as a condition holds.
 *
 * Both functions run as JavaScript a fixed number of times, with tensors that stand for any step's; what they do becomes
 * one loop, in compiled code and outside. Under `vmap` the loop runs while any element goes on; the others stay as they
 * are, and no gradient sees what they would have become.
 *
 * Kinds:
 * - 'lax': keeps nothing, and cannot be differentiated backward.
 * - 'checkpointed': keeps `checkpoints` carries, and computes the steps between them again on the way back; memory
 *   does not grow with the number of steps. Backward mode only, once. Needs `maxSteps` or `checkpoints`.
 * - 'bounded': nested scans of `base` steps that end early; keeps `base` carries for each. Any derivative. Needs
 *   `maxSteps`.
 *
 * @param condition  takes the carry; returns a scalar truth value. It gets no gradient.
 * @param body  takes the carry and returns the next, of the same structure, shapes and dtypes. What both capture may be
 *   differentiated by.
 * @param init  the first carry, any tree. Numbers become tensors; leaves that are no tensors stay as they are.
 * @returns the carry for which the condition does not hold any more.
 * @throws ERR_TRANSFORM if the carry changes its structure, shape or dtype (naming the path), the condition gives no
 *   truth value, or a loop of kind 'lax' is differentiated backward; ERR_ARGUMENT if the kind is unknown or an option
 *   is missing or out of range; ERR_CONCRETISATION if a value is read.
 * @example
 * const root = whileLoop((x: Tensor) => x.square().sub(2).abs().gt(1e-6), (x) => x.add(x.reciprocal().mul(2)).div(2), 1);
 * @see jax.lax.while_loop, equinox.internal.while_loop. Difference: there are no `buffers`.
 */
export function whileLoop<C>(
  condition: Callable<[carry: C], Tensor | boolean>,
  body: Callable<[carry: C], C>,
  init: C,
  options: WhileLoopOptions = {},
): C {
  requireOptions(options, ['kind', 'maxSteps', 'checkpoints', 'base'], 'whileLoop');
  const { kind = 'lax', maxSteps, base = 16 } = options;
  requireCallable('whileLoop', 'the condition', condition);
  requireCallable('whileLoop', 'the body', body);
  if (!kinds.includes(kind)) {
    throw new ArgumentError(
      `whileLoop: expected \`kind\` to be one of ${kinds.join(', ')}, got ${describeValue(kind)}.`,
      { op: 'whileLoop' },
    );
  }
  requireCount('maxSteps', maxSteps, 0);
  requireCount('checkpoints', options.checkpoints, 1);
  requireCount('base', base, 2);
  if (kind === 'bounded') {
    if (maxSteps === undefined) throw missing("a loop of kind 'bounded'", '`maxSteps`');
    return tidy(() => boundedLoop(condition, body, init, maxSteps, base)) as C;
  }
  const checkpoints = kind === 'lax' ? 0 : checkpointsOf(options);
  return tidy(() => loop(condition, body, init, maxSteps, checkpoints)) as C;
}

function loop(
  condition: Callable,
  body: Callable,
  init: unknown,
  maxSteps: number | undefined,
  checkpoints: number,
): unknown {
  const carry = takeApart(init);
  const test = traceBody('whileLoop', carry.tensors, (stand) => [
    [truthOf(call(condition as Callable<unknown[]>, putTogether(carry, stand)))],
    undefined,
  ]);
  const step = traceBody('whileLoop', carry.tensors, (stand) => {
    const next: unknown = call(body as Callable<unknown[]>, putTogether(carry, stand));
    refusePromise(next, 'whileLoop');
    return [tensorsLike('whileLoop', 'the carry', 'at the start', carry, next), undefined];
  });
  if (maxSteps === 0) return putTogether(carry, carry.tensors);
  const inputs = carry.tensors.map((one) => handleOf(one, 'whileLoop'));
  const results = native()
    .whileLoop(test.native, step.native, inputs.length, test.hidden.length, maxSteps ?? -1, checkpoints, [
      ...inputs,
      ...test.hidden,
      ...step.hidden,
    ])
    .map(adopt);
  return putTogether(carry, results);
}

/** Enough checkpoints that no step is computed more often than algorithm I of Stumm and Walther needs. */
function checkpointsOf({ checkpoints, maxSteps }: WhileLoopOptions): number {
  if (maxSteps === undefined) {
    if (checkpoints === undefined)
      throw missing("a loop of kind 'checkpointed'", '`maxSteps` or `checkpoints`');
    return checkpoints;
  }
  const few = maxSteps <= 1 ? 1 : Math.floor(-1.5 + Math.sqrt(2 * maxSteps + 0.25)) + 1;
  return Math.min(checkpoints ?? few, Math.max(maxSteps, 1));
}

function missing(what: string, option: string): ArgumentError {
  return new ArgumentError(`whileLoop: expected ${option} for ${what}, got none.`, { op: 'whileLoop' });
}

function requireCount(option: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return;
  throw new ArgumentError(
    `whileLoop: expected \`${option}\` to be an integer of at least ${least}, got ${describeValue(value)}.`,
    { op: 'whileLoop' },
  );
}
