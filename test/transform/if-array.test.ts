import { Module } from '../../lib/module';
import { tensor } from '../../lib/tensor/create';
import { ifArray } from '../../lib/transform';
import { leaves } from '../../lib/tree';

test('gives the axis for tensors and null for everything else', () => {
  const rule = ifArray(-2);
  expect(rule(tensor([1]))).toBe(-2);
  expect([1, true, 'a', null, undefined, new Float32Array(2), () => 0].map(rule)).toEqual(
    Array(7).fill(null),
  );
});

test('is a leaf, so that a module may hold one', () => {
  class Holder extends Module {
    readonly rule = ifArray(0);
  }
  const holder = new Holder();
  expect(leaves(holder)).toEqual([holder.rule]);
});
