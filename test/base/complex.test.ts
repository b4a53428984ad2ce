import { Complex, isComplex } from '../../lib/base/complex';

test('prints as Python does', () => {
  // str(complex(1, 2)) == '(1+2j)' without the parentheses.
  expect(String(new Complex(1, 2))).toBe('1+2j');
  expect(String(new Complex(1.5, -0.5))).toBe('1.5-0.5j');
  expect(String(new Complex(0, -0))).toBe('0-0j');
  expect(new Complex(3).im).toBe(0);
});

test('equals compares parts: NaN equals NaN, 0 differs from -0', () => {
  expect(new Complex(NaN, 1).equals(new Complex(NaN, 1))).toBe(true);
  expect(new Complex(0, 0).equals(new Complex(0, -0))).toBe(false);
});

test('isComplex takes a Complex or exactly {re, im}', () => {
  expect(isComplex(new Complex(1, 2))).toBe(true);
  expect(isComplex({ re: 1, im: 2 })).toBe(true);
  expect(isComplex({ re: 1, im: 2, dim: 0 })).toBe(false);
  expect(isComplex({ re: 1 })).toBe(false);
  expect(isComplex(null)).toBe(false);
  expect(isComplex(1)).toBe(false);
});
