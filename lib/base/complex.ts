/**
 * A complex number, for the places where a JavaScript number would stand: `x.mul(new Complex(0, 1))`.
 *
 * Reading an element of a complex tensor gives one of these.
 *
 * @see Python's `complex`. It carries a value and does no arithmetic: tensors do that.
 */
export class Complex {
  readonly re: number;
  readonly im: number;

  /**
   * @param re  the real part.
   * @param im  the imaginary part, 0 unless given.
   */
  constructor(re: number, im = 0) {
    this.re = re;
    this.im = im;
  }

  /** Whether both parts are the same numbers; NaN equals NaN, and 0 differs from -0. */
  equals(other: Complex): boolean {
    return Object.is(this.re, other.re) && Object.is(this.im, other.im);
  }

  /** As Python writes it, such as `1+2j`. */
  toString(): string {
    const sign = this.im < 0 || Object.is(this.im, -0) ? '-' : '+';
    return `${this.re}${sign}${Math.abs(this.im)}j`;
  }
}

/** Whether `value` is a complex number: a `Complex`, or a plain object of exactly two numbers `re` and `im`. */
export function isComplex(value: unknown): value is Complex {
  if (value instanceof Complex) return true;
  if (typeof value !== 'object' || value === null) return false;
  const { re, im } = value as Partial<Record<string, unknown>>;
  return typeof re === 'number' && typeof im === 'number' && Object.keys(value).length === 2;
}
