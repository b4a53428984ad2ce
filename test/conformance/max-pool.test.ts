import fc from 'fast-check';
import { filterGrad, filterJit, jit, ops, random, where, type Tensor } from 'equinode';

// A compiled program pools with a kernel of its own, which must agree with libtorch's to the last bit and index.

const pair = (values: readonly number[]) => fc.tuple(fc.constantFrom(...values), fc.constantFrom(...values));

const pooling = fc.record({
  shape: fc.constantFrom([2, 3, 7, 9], [3, 8, 8], [1, 1, 33, 40], [2, 2, 1, 1], [1, 4, 5, 16]),
  kernel: pair([1, 2, 3]),
  stride: pair([1, 2, 3]),
  padding: pair([0, 1]),
  dilation: pair([1, 2]),
  ceilMode: fc.boolean(),
  special: fc.constantFrom(1, NaN, -Infinity),
  seed: fc.nat(1000),
});

/** Whether a window with this padding is one that libtorch takes. */
function isAccepted(pool: () => unknown): boolean {
  try {
    pool();
    return true;
  } catch {
    return false;
  }
}

const same = (one: Tensor, other: Tensor) =>
  one.eq(other).logicalOr(one.isnan().logicalAnd(other.isnan())).all().item();

describe('max pooling in a compiled program', () => {
  test('equals libtorch: values, indices, ties, NaN, minus infinity, channels innermost or not', () => {
    fc.assert(
      fc.property(pooling, ({ shape, kernel, stride, padding, dilation, ceilMode, special, seed }) => {
        const whole = random.normal(random.key(seed), shape).mul(2).round();
        const contiguous = where(whole.eq(1), special, whole);
        for (const x of [contiguous, contiguous.transpose(-3, -1).contiguous().transpose(-3, -1)]) {
          const pool = (x: Tensor) =>
            ops.maxPool2dWithIndices(x, kernel, stride, padding, dilation, ceilMode);
          fc.pre(isAccepted(() => pool(x)));
          const [values, indices] = pool(x);
          const [compiledValues, compiledIndices] = jit(pool)(x);
          expect(compiledValues.shape).toEqual(values.shape);
          expect(same(compiledValues, values)).toBe(true);
          expect(compiledIndices.eq(indices).all().item()).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('has the gradient of the uncompiled one', () => {
    const x = random.normal(random.key(0), [2, 3, 9, 9]);
    const loss = (x: Tensor) => ops.maxPool2d(x, [3, 3], [2, 2], [1, 1]).square().sum();
    expect(filterJit(filterGrad(loss))(x).eq(filterGrad(loss)(x)).all().item()).toBe(true);
  });
});
