import { median, quantile, spread } from '../../lib/bench/statistics';

test('quantiles are values of the list, whatever its order', () => {
  expect(quantile([5, 1, 3], 0)).toBe(1);
  expect(quantile([5, 1, 3], 1)).toBe(5);
  expect(median([9, 1, 5])).toBe(5);
  expect(median([])).toBeNaN();
});

test('the spread is half the distance of the quartiles, as a share of the median', () => {
  expect(spread([10, 10, 10, 10, 10])).toBe(0);
  expect(spread([8, 9, 10, 11, 12])).toBeCloseTo(0.1);
});
