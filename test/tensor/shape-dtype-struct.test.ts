import { inspect } from 'node:util';
import { ArgumentError, DtypeError } from '../../lib/base/errors';
import { ShapeDtypeStruct } from '../../lib/tensor/shape-dtype-struct';

test('says what a tensor looks like, and prints as messages do', () => {
  const struct = new ShapeDtypeStruct([2, 3], 'bfloat16');
  expect([struct.shape, struct.dtype, struct.ndim, struct.size]).toEqual([[2, 3], 'bfloat16', 2, 6]);
  expect([String(struct), inspect(new ShapeDtypeStruct([], 'bool'))]).toEqual(['bfloat16[2,3]', 'bool[]']);
});

test('refuses what is no shape or dtype', () => {
  for (const shape of [[1.5], [-1], 3, 'ab']) {
    expect(() => new ShapeDtypeStruct(shape as never, 'float32')).toThrow(ArgumentError);
  }
  expect(() => new ShapeDtypeStruct([1], 'float' as never)).toThrow(DtypeError);
});
