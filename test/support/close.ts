import { ops, type Tensor } from '../../lib';

export interface Tolerance {
  /** The largest difference, as a part of the expected number; 1e-6 unless given. */
  readonly rtol?: number;
  /** What may be added to that; 1e-7 unless given. */
  readonly atol?: number;
}

/** Fails unless a tensor has the nested numbers of `expected`, saying where the difference is largest. */
export function expectClose(actual: Tensor, expected: unknown, tolerance: Tolerance = {}): void {
  const { rtol = 1e-6, atol = 1e-7 } = tolerance;
  const isComplex = actual.dtype.startsWith('complex');
  const got = (isComplex ? ops.viewAsReal(actual) : actual).toArray();
  expect(shapeOf(got)).toEqual(shapeOf(expected));
  const gotFlat = numbersIn(got);
  const wantedFlat = numbersIn(expected);
  let worst = 0;
  let report = '';
  gotFlat.forEach((value, i) => {
    const wanted = wantedFlat[i] ?? NaN;
    if (Object.is(value, wanted)) return;
    const excess = Math.abs(value - wanted) / (atol + rtol * Math.abs(wanted));
    if (!(excess <= worst)) {
      worst = excess;
      report = `element ${i}: ${value} instead of ${wanted}, ${excess.toPrecision(3)} times the tolerance`;
    }
  });
  expect(worst <= 1 ? '' : report).toBe('');
}

function numbersIn(value: unknown): number[] {
  return Array.isArray(value) ? value.flatMap(numbersIn) : [value as number];
}

function shapeOf(value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...(value.length === 0 ? [] : shapeOf(value[0]))] : [];
}

/** Fails unless two lists hold the very same objects: `toEqual` would compare tensors by what they iterate over. */
export function expectSame(actual: readonly unknown[], expected: readonly unknown[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((one, i) => {
    expect(Object.is(one, expected[i])).toBe(true);
  });
}
