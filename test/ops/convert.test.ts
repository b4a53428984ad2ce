import { Complex } from '../../lib/base/complex';
import type { DType } from '../../lib/base/dtype';
import { devicePut } from '../../lib/ops/convert';
import '../../lib/ops';
import { zeros } from '../../lib/ops/create';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { codeOf, thrown } from '../support/thrown';

test('to another dtype converts every value', () => {
  const x = tensor([-1.75, 0, 2.5]);
  expect(x.to('int32').toArray()).toEqual([-1, 0, 2]);
  expect(x.to('bool').toArray()).toEqual([true, false, true]);
  expect(x.to('complex64').toArray()).toEqual([
    new Complex(-1.75, 0),
    new Complex(0, 0),
    new Complex(2.5, 0),
  ]);
  expect(x.to({ dtype: 'float64' }).dtype).toBe('float64');
  expect(zeros([0]).to('int8').shape).toEqual([0]);
});

test('to a device moves', () => {
  expect(tensor([1]).to('cpu').device).toBe('cpu');
  expect(tensor([1]).to('meta').device).toBe('meta');
  const both = tensor([1]).to({ dtype: 'float16', device: 'meta' });
  expect([both.dtype, both.device]).toEqual(['float16', 'meta']);
});

test('where nothing changes the values stay', () => {
  const x = tensor([1, 2]);
  expect(x.to('float32').toArray()).toEqual([1, 2]);
  expect(x.to({}).toArray()).toEqual([1, 2]);
});

test('what is neither dtype nor device is refused', () => {
  for (const target of ['f32', 'gpu', '', 'cuda:x']) {
    const error = thrown(() => tensor([1]).to(target));
    expect([error.code, error.op]).toEqual(['ERR_ARGUMENT', 'to']);
    expect(error.message).toContain(`got '${target}'`);
  }
  expect(codeOf(() => tensor([1]).to(undefined as unknown as DType))).toBe('ERR_ARGUMENT');
  expect(codeOf(() => tensor([1]).to(3 as unknown as DType))).toBe('ERR_ARGUMENT');
  expect(codeOf(() => tensor([1]).to({ dtype: 'f32' as DType }))).toBe('ERR_DTYPE');
  expect(codeOf(() => tensor([1]).to({ device: 'gpu' }))).toBe('ERR_DEVICE');
});

test('converting composes with the transforms', () => {
  const wide = (x: Tensor): Tensor => x.to('float64').mul(3).to('float32');
  const x = tensor([1, 2]);
  expect(jit(wide)(x).toArray()).toEqual([3, 6]);
  expect(vmap(wide)(x).toArray()).toEqual([3, 6]);
  expect(grad((a: Tensor) => wide(a).sum())(x).toArray()).toEqual([3, 3]);
});

test('devicePut moves the tensors of a tree and leaves the rest', () => {
  const tree = { a: tensor([1]), b: [tensor([2]), 3, 'text', null] };
  const moved = devicePut(tree, 'meta');
  expect(moved.a.device).toBe('meta');
  expect((moved.b[0] as Tensor).device).toBe('meta');
  expect(moved.b.slice(1)).toEqual([3, 'text', null]);
  expect(tree.a.device).toBe('cpu');
  expect(codeOf(() => devicePut(tree, 'tpu'))).toBe('ERR_DEVICE');
});
