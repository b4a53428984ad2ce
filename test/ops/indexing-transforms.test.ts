import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';

const waves = (shape: readonly number[]): Tensor => {
  const size = shape.reduce((product, length) => product * length, 1);
  return ops
    .arange(1, size + 1, { dtype: 'float64' })
    .sin()
    .reshape(shape);
};
const rows = tensor([1, 0, 1], { dtype: 'int64' });
const columns = tensor([1, 1, 1], { dtype: 'int64' });
const mask = tensor([true, false, true]);
const value = waves([3, 2]).add(2);

const parts: Record<string, (x: Tensor) => Tensor> = {
  positions: (x) => x.index('::-1', 1),
  gather: (x) => x.index(rows),
  'spread gather': (x) => x.index(rows, null, 0),
  'set a range': (x) => x.at('::-1', 0).set(x.index(':', 1)),
  'set by a mask': (x) => x.at(mask).set(1),
  'add by positions': (x) => x.at(rows).add(value),
  'mul by positions': (x) => x.at(rows).mul(x.index(rows)),
  'min by positions': (x) => x.at(rows).min(value.sub(2)),
  'max over two axes': (x) => x.at(rows, columns).max(0.5),
  'mul by a mask of its own': (x) => x.at(x.gt(0)).mul(3),
};

const numbers = (x: Tensor): number[] => Array.from(x.toTypedArray() as Float64Array);

describe.each(Object.entries(parts))('%s', (_name, part) => {
  const weights = waves(part(value).shape).add(1.5);
  const loss = (x: Tensor): Tensor => part(x).square().mul(weights).sum();
  const x = waves([3, 2]);

  test('its gradient is the slope', () => {
    const slope = numbers(ops.ones([6])).map((_one, i) => {
      const step = ops.zeros([6], { dtype: 'float64' }).at(i).set(1e-6).reshape([3, 2]);
      return (Number(loss(x.add(step))) - Number(loss(x.sub(step)))) / 2e-6;
    });
    numbers(grad(loss)(x)).forEach((one, i) => {
      expect(one).toBeCloseTo(slope[i] ?? NaN, 7);
    });
  });

  test('compiled it gives the same, and so does its gradient', () => {
    expect(numbers(jit(part)(x))).toEqual(numbers(part(x)));
    expect(numbers(jit(grad(loss))(x))).toEqual(numbers(grad(loss)(x)));
  });

  test('over a batch it is the same as for each', () => {
    const batch = waves([4, 3, 2]);
    const each = batch.unbind(0).map((one) => part(one));
    expect(numbers(vmap(part)(batch))).toEqual(numbers(ops.stack(each)));
  });
});
