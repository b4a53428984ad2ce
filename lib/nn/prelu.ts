import { Module } from '../module';
import { where } from '../ops';
import { tensor } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import { ArgumentError } from '../base/errors';
import { describe } from '../tree';
import { requireTensor, type ForwardOptions } from './arguments';

/**
 * The activation max(x, 0) + slope · min(x, 0) with a learnt slope.
 *
 * @see equinox.nn.PReLU.
 */
export class PReLU extends Module {
  /** float[...], which broadcasts against the input. */
  readonly negativeSlope: Tensor;

  /**
   * @param initAlpha  The slope at first, 0.25 unless given; a tensor for one slope for each element of the last axes.
   * @throws ERR_ARGUMENT unless it is a number or a tensor.
   */
  constructor(initAlpha: number | Tensor = 0.25) {
    super();
    const given: unknown = initAlpha;
    if (typeof given !== 'number' && !(given instanceof Tensor)) {
      throw new ArgumentError(
        `nn.PReLU: expected initAlpha to be a number or a tensor, got ${describe(given)}.`,
        {
          op: 'nn.PReLU',
        },
      );
    }
    this.negativeSlope = given instanceof Tensor ? given : tensor(given);
  }

  /**
   * @param x  dtype[...]; integers give floating point.
   * @returns dtype[...].
   */
  forward(x: Tensor, _options?: ForwardOptions): Tensor {
    requireTensor(x, 'an input', 'nn.PReLU');
    return where(x.ge(0), x, this.negativeSlope.mul(x));
  }
}
