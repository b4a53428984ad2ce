import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import { Module } from '../module';
import { detach, where, zerosLike } from '../ops';
import * as random from '../random';
import { requireKey } from '../random/key';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
import { describe } from '../tree';
import { requireFlag, requireTensor, type ForwardOptions } from './arguments';

/** `forward` of layers that behave differently while they are trained. */
export interface InferenceOptions extends ForwardOptions {
  /** Overrides the layer's own `inference`, unless null or undefined. */
  readonly inference?: boolean | null | undefined;
}

const name = 'nn.Dropout';

/**
 * Sets random elements to 0 and divides the others by 1 − p, while the model is trained.
 *
 * `p` and `inference` are leaves, to be changed with `treeAt` or `inferenceMode`; no gradient goes to `p`.
 *
 * @example
 * const dropout = new nn.Dropout(0.2);
 * const y = dropout.forward(x, { key });
 * const model = nn.inferenceMode(trained); // its dropouts do nothing
 * @see equinox.nn.Dropout, with the same elements for the same key. Differences: the deprecated `deterministic` does
 *   not exist; gradients for p = 1 are 0 instead of NaN.
 */
export class Dropout extends Module {
  /** The probability of each element to be set to 0, in [0, 1]. */
  readonly p: number | Tensor;
  /** Whether the layer does nothing. */
  readonly inference: boolean;

  /**
   * @param p  The probability, 0.5 unless given: a number in [0, 1], or a tensor float[].
   * @param options  `inference`: false unless given.
   * @throws ERR_ARGUMENT for a number outside of [0, 1], or an unknown option.
   */
  constructor(p: number | Tensor = 0.5, options: { readonly inference?: boolean | undefined } = {}) {
    super();
    requireOptions(options, ['inference'], name);
    const { inference = false } = options;
    requireFlag(inference, 'inference', name);
    requireRate(p, 'p', name);
    this.p = p;
    this.inference = inference;
  }

  /**
   * @param x  dtype[...].
   * @param options  `key`: what decides which elements go; needed unless `inference`, or `p` is the number 0.
   * @returns dtype[...].
   * @throws ERR_ARGUMENT if the key is missing.
   */
  forward(x: Tensor, options: InferenceOptions = {}): Tensor {
    requireTensor(x, 'an input', name);
    const inference = options.inference ?? this.inference;
    requireFlag(inference, 'inference', name);
    const { p } = this;
    if (inference || p === 0) return x;
    const { key } = options;
    if (key === null || key === undefined) {
      throw new ArgumentError(
        `${name}: expected a key, because elements are dropped at random while the model is trained, got ${String(key)}. ` +
          'Pass { key }, or switch it off with nn.inferenceMode(model).',
        { op: name },
      );
    }
    requireKey(key, name);
    const keep = p instanceof Tensor ? detach(p).neg().add(1) : 1 - p;
    const mask = random.bernoulli(key, keep, x.shape);
    // Dividing by 0 would make the gradient NaN.
    return p === 1 ? zerosLike(x) : where(mask, x.div(keep), zerosLike(x));
  }
}

/** @throws ERR_ARGUMENT unless a probability is a tensor or a number in [0, 1]. */
export function requireRate(p: unknown, argument: string, layer: string): void {
  if (p instanceof Tensor) {
    handleOf(p, layer);
    return;
  }
  if (typeof p === 'number' && p >= 0 && p <= 1) return;
  throw new ArgumentError(
    `${layer}: expected ${argument} to be a probability in [0, 1], got ${typeof p === 'number' ? p : describe(p)}.`,
    { op: layer },
  );
}
