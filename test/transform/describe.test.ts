import { tensor } from '../../lib/tensor/create';
import { describeValue } from '../../lib/transform/describe';

test.each([
  [tensor([[1, 2]]), 'float32[1,2]'],
  [tensor(1, { dtype: 'int64' }), 'int64[]'],
  [3, '3'],
  [-0.5, '-0.5'],
  [true, 'true'],
  [5n, '5n'],
  ['a "b"', '"a \\"b\\""'],
  [() => 1, 'a function'],
  [
    function named() {
      return 1;
    },
    'the function named',
  ],
  [[1, 2], 'array of 2'],
  [undefined, 'undefined'],
  [{ a: 1 }, 'object {a}'],
])('shows %p as messages need it', (value, text) => {
  expect(describeValue(value)).toBe(text);
});
