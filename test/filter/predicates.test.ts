import { Complex } from '../../lib/base/complex';
import { isArray, isArrayLike, isInexactArray, isInexactArrayLike } from '../../lib/filter';
import { full } from '../../lib/ops';

const floats = full([2], 1, { dtype: 'float32' });
const ints = full([], 1, { dtype: 'int32' });
const halves = full([2], 1, { dtype: 'bfloat16' });
const complex = full([2], 1, { dtype: 'complex64' });
const bools = full([2], true, { dtype: 'bool' });

// The tables of Equinox's own tests, test_filters.py; a number is float and int at once here.
test.each<[string, (x: unknown) => boolean, readonly unknown[], readonly unknown[]]>([
  ['isArray', isArray, [floats, ints, bools], [1, 2.5, true, [2], new Float32Array(1), {}, null, undefined]],
  [
    'isArrayLike',
    isArrayLike,
    [floats, ints, 1, 2.5, true, 1n, new Complex(0, 1)],
    [[2], 'x', {}, null, () => 1],
  ],
  ['isInexactArray', isInexactArray, [floats, halves, complex], [ints, bools, 1.5, new Complex(0, 1), [2]]],
  [
    'isInexactArrayLike',
    isInexactArrayLike,
    [floats, 1.5, new Complex(0, 1)],
    [ints, bools, true, 1n, 'x', null],
  ],
])('%s tells values apart', (_, predicate, yes, no) => {
  expect(yes.map(predicate)).toEqual(yes.map(() => true));
  expect(no.map(predicate)).toEqual(no.map(() => false));
});
