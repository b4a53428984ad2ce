import { ArgumentError, nn, ops, random, tensor, tree } from '../../lib';
import { expectSame } from '../support/close';

test('it applies its function and ignores a key', () => {
  const layer = new nn.Lambda(ops.relu);
  expect(layer.forward(tensor([-1, 2]), { key: random.key(0) }).toArray()).toEqual([0, 2]);
  expectSame(tree.leaves(layer), [ops.relu]);
});

test('a module in the place of the function is a child', () => {
  const linear = new nn.Linear(2, 1, { key: random.key(0) });
  const layer = new nn.Lambda(linear);
  expect(layer.forward(tensor([1, 2])).toArray()).toEqual(linear.forward(tensor([1, 2])).toArray());
  expectSame(tree.leaves(layer), [linear.weight, linear.bias]);
});

test('what cannot be applied is refused', () => {
  expect(() => new nn.Lambda(3 as never)).toThrow(
    new ArgumentError(
      'nn.Lambda: expected fn to be a function or a module with a method `forward`, got leaf of type number.',
    ),
  );
});
