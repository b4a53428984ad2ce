import { nn, random, tensor, tree } from '../../lib';

test('it gives back its input and takes any arguments', () => {
  const layer = new nn.Identity(1, 'two', { three: 3 });
  const x = tensor([1, 2]);
  expect(layer.forward(x)).toBe(x);
  expect(layer.forward('anything', { key: random.key(0) })).toBe('anything');
  expect(tree.leaves(layer)).toEqual([]);
});
