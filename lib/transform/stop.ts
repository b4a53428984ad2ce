import { requireOptions } from '../base/options';
import { callNamed } from '../ops/call';
import { Tensor } from '../tensor/tensor';
import { flatten, unflatten } from '../tree';

export interface StopOptions {
  /** What the message calls the value. */
  readonly name?: string | undefined;
  /** The whole message. */
  readonly message?: string | undefined;
}

interface Excluded {
  readonly batching: boolean;
  readonly derivatives: boolean;
  readonly gradients: boolean;
}

function stop<T>(x: T, { batching, derivatives, gradients }: Excluded, message: string): T {
  const [leaves, structure] = flatten(x);
  const stopped = leaves.map((leaf) =>
    leaf instanceof Tensor
      ? callNamed('equinode::stop', leaf, batching, derivatives, gradients, message)
      : leaf,
  );
  return unflatten(structure, stopped) as T;
}

/**
 * The identity, and an error where a derivative with respect to a tensor of `x` is taken, in either mode.
 *
 * @throws ERR_TRANSFORM there.
 * @see equinox.internal.nondifferentiable.
 */
export function nondifferentiable<T>(x: T, options: StopOptions = {}): T {
  requireOptions(options, ['name', 'message'], 'nondifferentiable');
  const { name = 'This operation', message } = options;
  const text = message ?? `Unexpected tangent. ${name} cannot be autodifferentiated.`;
  return stop(x, { batching: false, derivatives: true, gradients: false }, text);
}

/**
 * The identity, and an error where a gradient arrives in a backward pass. Forward mode passes, and so does a backward
 * pass in which nothing depends on the result.
 *
 * @throws ERR_TRANSFORM there.
 * @see equinox.internal.nondifferentiable_backward.
 */
export function nondifferentiableBackward<T>(x: T, options: StopOptions = {}): T {
  requireOptions(options, ['name', 'message'], 'nondifferentiableBackward');
  const { name = 'This operation', message } = options;
  const text = message ?? `Unexpected cotangent. ${name} cannot be reverse-mode autodifferentiated.`;
  return stop(x, { batching: false, derivatives: false, gradients: true }, text);
}

/**
 * The identity, and an error where `grad`, `jvp` or `vmap` meets a tensor of `x`; `jit` may.
 *
 * @throws ERR_TRANSFORM there.
 * @see equinox.internal.nontraceable.
 */
export function nontraceable<T>(x: T, options: StopOptions = {}): T {
  requireOptions(options, ['name', 'message'], 'nontraceable');
  const { name = 'nontraceable operation', message } = options;
  const text = message ?? `Detected a transform of ${name}: neither grad, jvp nor vmap may meet it.`;
  return stop(x, { batching: true, derivatives: true, gradients: false }, text);
}

/**
 * The identity, and an error where `vmap` maps over a tensor of `x`.
 *
 * @throws ERR_TRANSFORM there.
 * @see equinox.internal.nonbatchable.
 */
export function nonbatchable<T>(x: T, options: StopOptions = {}): T {
  requireOptions(options, ['name', 'message'], 'nonbatchable');
  const { name = 'This operation', message } = options;
  const text = message ?? `Unexpected batch tracer. ${name} cannot be vmapped.`;
  return stop(x, { batching: true, derivatives: false, gradients: false }, text);
}
