import {
  ArgumentError,
  DtypeError,
  filterVmap,
  nn,
  ops,
  random,
  ShapeError,
  tensor,
  tree,
  type Tensor,
} from '../../lib';
import { expectClose, expectSame } from '../support/close';

const key = random.key(3);

test('weight and bias are leaves, in this order, and all else is static', () => {
  const layer = new nn.Linear(4, 3, { key });
  expectSame(tree.leaves(layer), [layer.weight, layer.bias]);
  const without = new nn.Linear(4, 3, { useBias: false, key });
  expect(without.bias).toBeNull();
  expectSame(tree.leaves(without), [without.weight]);
  expect(String(layer)).toBe(
    'Linear(weight=f32[3,4], bias=f32[3], inFeatures=4, outFeatures=3, useBias=true)',
  );
});

test('filterVmap makes a batch of it, and many layers at once', () => {
  const layer = new nn.Linear(4, 3, { key });
  const batch = ops.arange(8, { dtype: 'float32' }).reshape([2, 4]);
  const rows = [...batch].map((row) => layer.forward(row).toArray());
  expectClose(filterVmap(layer)(batch), rows);

  const keys = random.split(key, 5);
  const many = filterVmap((one: random.Key) => new nn.Linear(4, 3, { key: one }))(keys);
  const alone = [...keys].map((one) => new nn.Linear(4, 3, { key: one }).weight.toArray());
  expect(many.weight.toArray()).toEqual(alone);
  const applied = filterVmap((one: nn.Linear, x: Tensor) => one.forward(x), { inAxes: [ifTensor, null] });
  expect(applied(many, tensor([1, 2, 3, 4])).shape).toEqual([5, 3]);
});

function ifTensor(leaf: unknown): number | null {
  return ops.zeros([]).constructor === (leaf as object).constructor ? 0 : null;
}

test('wrong inputs are refused, naming the layer and what it takes', () => {
  const layer = new nn.Linear(4, 3, { key });
  expect(() => layer.forward(ops.zeros([5]))).toThrow(
    new ShapeError('nn.Linear: expected an input of shape [4], got float32[5].'),
  );
  expect(() => layer.forward(ops.zeros([2, 4]))).toThrow(
    'nn.Linear: expected an input of shape [4], got float32[2,4]. It takes one example: use filterVmap for a batch.',
  );
  expect(() => new nn.Linear('scalar', 3, { key }).forward(ops.zeros([1]))).toThrow(ShapeError);
});

test('wrong arguments are refused', () => {
  expect(() => new nn.Linear(4, 3, undefined as never)).toThrow(
    new ArgumentError(
      'nn.Linear: expected a key for the initial parameters, got undefined. Pass { key: random.key(seed) }.',
    ),
  );
  expect(() => new nn.Linear(4, 3, { key: undefined })).toThrow(ArgumentError);
  expect(() => new nn.Linear(-1, 3, { key })).toThrow(
    'nn.Linear: expected inFeatures to be an integer of at least 0, got -1.',
  );
  expect(() => new nn.Linear(4, 2.5, { key })).toThrow(ArgumentError);
  expect(() => new nn.Linear(4, 3, { bias: false, key } as never)).toThrow(
    'nn.Linear: expected the options useBias, dtype, key, got "bias".',
  );
  expect(() => new nn.Linear(4, 3, { dtype: 'int32', key })).toThrow(
    new DtypeError('nn.Linear: expected a floating-point or complex dtype, got int32.'),
  );
});
