import {
  ArgumentError,
  filterJit,
  filterVmap,
  Module,
  nn,
  ops,
  random,
  tensor,
  tree,
  type Tensor,
} from '../../lib';
import { expectSame } from '../support/close';

const [k1, k2] = random.split(random.key(0));
const first = new nn.Linear(2, 4, { key: k1 });
const last = new nn.Linear(4, 1, { key: k2 });
const model = new nn.Sequential([first, new nn.Lambda(ops.relu), ops.tanh, last]);
const x = tensor([1, -2]);

/** Adds noise from its key, as Dropout would use it. */
class Noise extends Module {
  forward(value: Tensor, { key }: nn.ForwardOptions = {}): Tensor {
    return key === null || key === undefined ? value : value.add(random.normal(key, value.shape));
  }
}

/** Adds how often it was called. */
class Counter extends nn.StatefulLayer {
  forward(value: Tensor, { state }: { readonly state: number }): readonly [Tensor, number] {
    return [value.add(state), state + 1];
  }
}

test('layers and functions are applied in order', () => {
  expect(model.forward(x).toArray()).toEqual(last.forward(ops.tanh(ops.relu(first.forward(x)))).toArray());
  expect(new nn.Sequential([]).forward(x)).toBe(x);
});

test('the leaves are those of its layers', () => {
  expectSame(tree.leaves(model), [first.weight, first.bias, ops.relu, ops.tanh, last.weight, last.bias]);
});

test('it gives the same for a batch, and inside jit', () => {
  const batch = ops.stack([x, x.mul(2)]);
  const alone = [model.forward(x).toArray(), model.forward(x.mul(2)).toArray()];
  expect(filterVmap(model)(batch).toArray()).toEqual(alone);
  expect(filterJit(model)(x).toArray()).toEqual(alone[0]);
});

test('a key is split by the number of layers', () => {
  const key = random.key(5);
  const noisy = new nn.Sequential([new nn.Identity(), new Noise(), ops.relu]);
  const [, second] = random.split(key, 3);
  const expected = ops.relu(x.add(random.normal(second!, [2])));
  expect(noisy.forward(x, { key }).toArray()).toEqual(expected.toArray());
  expect(noisy.forward(x, { key: null }).toArray()).toEqual([1, 0]);
});

test('state goes through the layers that have it, nested ones too, and comes back', () => {
  const inner = new nn.Sequential([new Counter(), new nn.Identity(), new Counter()]);
  const outer = new nn.Sequential([inner, ops.neg, new Counter()]);
  expect([inner.isStateful(), outer.isStateful(), model.isStateful()]).toEqual([true, true, false]);
  const [y, state] = outer.forward(tensor([0]), { state: 1 });
  expect([y.toArray(), state]).toEqual([[0], 4]);
  expect(() => outer.forward(x)).toThrow(
    'nn.Sequential: expected a state for the layer at [0], which has state, got undefined. Pass { state }.',
  );
  const [same, untouched] = model.forward(x, { state: 'kept' });
  expect([same.toArray(), untouched]).toEqual([model.forward(x).toArray(), 'kept']);
});

test('layers are reached by position, range and iteration', () => {
  expect(model.length).toBe(4);
  expect([model.get(0), model.get(-1)]).toEqual([first, last]);
  expect([...model]).toEqual(model.layers);
  const part = model.slice(1, -1);
  expect(part).toBeInstanceOf(nn.Sequential);
  expect(part.layers).toEqual(model.layers.slice(1, -1));
  expect(() => model.get(4)).toThrow(
    new ArgumentError('nn.Sequential: expected an index from -4 to 3, got 4.'),
  );
});

test('what cannot be applied is refused', () => {
  expect(() => new nn.Sequential([first, 3 as never])).toThrow(
    'nn.Sequential: expected layers and functions, got leaf of type number at [1].',
  );
});
