import { Module } from '../module';
import { where } from '../ops';
import { tensor } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import { ArgumentError, ShapeError } from '../base/errors';
import { describe } from '../tree';
import { requireKind, requireTensor, type ForwardOptions } from './arguments';

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
    if (given instanceof Tensor) requireTensor(given, 'an initAlpha', 'nn.PReLU');
    this.negativeSlope = given instanceof Tensor ? given : tensor(given);
  }

  /**
   * @param x  dtype[...]; integers give floating point.
   * @returns dtype[...].
   * @throws ERR_SHAPE if the slopes do not broadcast against the input; ERR_DTYPE for complex numbers.
   */
  forward(x: Tensor, _options?: ForwardOptions): Tensor {
    requireTensor(x, 'an input', 'nn.PReLU');
    requireKind(x, ['float', 'int', 'uint', 'bool'], 'real numbers', 'nn.PReLU');
    const { shape } = this.negativeSlope;
    const fits = shape.every((size, i) => {
      const given = x.shape.at(i - shape.length) ?? 1;
      return i - shape.length < -x.ndim || size === 1 || given === 1 || size === given;
    });
    if (!fits) {
      throw new ShapeError(
        `nn.PReLU: expected an input against which slopes of shape [${shape.join()}] broadcast, got ${x.dtype}[${x.shape.join()}].`,
        { op: 'nn.PReLU' },
      );
    }
    return where(x.ge(0), x, this.negativeSlope.mul(x));
  }
}
