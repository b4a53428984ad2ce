import { ArgumentError, FormatError } from '../../lib/base/errors';
import { fromStateDict, stateDict } from '../../lib/io/state-dict';
import * as nn from '../../lib/nn';
import * as random from '../../lib/random';
import { tensor, toBuffer } from '../../lib/tensor/create';
import { thrown } from '../support/thrown';

const key = random.key(0);
const model = () => ({
  conv: new nn.Conv2d(1, 2, 3, { key }),
  layers: [new nn.Linear(2, 3, { key })] as const,
});

describe('stateDict', () => {
  test('names are the steps of the paths; what is no tensor is left out', () => {
    const net = { ...model(), rate: 0.5, act: Math.abs };
    const dict = stateDict(net);
    expect(Object.keys(dict)).toEqual(['conv.weight', 'conv.bias', 'layers.0.weight', 'layers.0.bias']);
    expect(dict['layers.0.weight']).toBe(net.layers[0].weight);
  });
});

describe('fromStateDict', () => {
  test('puts the tensors into a copy', () => {
    const net = model();
    const before = toBuffer(net.layers[0].weight);
    const weight = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const loaded = fromStateDict(net, { ...stateDict(net), 'layers.0.weight': weight });
    expect(loaded.layers[0]).toBeInstanceOf(nn.Linear);
    expect(loaded.layers[0].weight).toBe(weight);
    expect(toBuffer(net.layers[0].weight)).toEqual(before);
  });

  test('shapes may differ by axes of length 1', () => {
    const net = model();
    const loaded = fromStateDict(net, { ...stateDict(net), 'conv.bias': tensor([1, 2]) });
    expect(loaded.conv.bias?.shape).toEqual([2, 1, 1]);
    expect(loaded.conv.bias?.reshape([-1]).toArray()).toEqual([1, 2]);
  });

  test('names by an object or a function, and tensors converted', () => {
    const like = { a: tensor([0, 0]), b: tensor([[0], [0]]) };
    const dict = { 'net.a': tensor([1, 2]), 'net.weight': tensor([[3, 4]], { dtype: 'float64' }) };
    const names = { a: 'net.a', b: 'net.weight' };
    const convert = (value: typeof like.a) => (value.ndim === 2 ? value.t().to('float32') : value);
    const expected = { a: [1, 2], b: [[3], [4]] };
    for (const given of [names, (name: string) => (name === 'a' ? 'net.a' : 'net.weight')]) {
      const { a, b } = fromStateDict(like, dict, { names: given, convert });
      expect({ a: a.toArray(), b: b.toArray() }).toEqual(expected);
    }
  });

  test('strict: names that are missing or left over are listed', () => {
    const like = { a: tensor([0]), b: tensor([0]) };
    const error = thrown(() =>
      fromStateDict(like, { a: tensor([1]), c: tensor([1]) }, { names: { b: 'net.b' } }),
    );
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toBe(
      'fromStateDict: expected the tensors of the model in the state dict, got none for net.b (for b). ' +
        'Say which belongs to which with `names`, or pass {strict: false}.',
    );
    expect(() => fromStateDict({ a: like.a }, { a: tensor([1]), c: tensor([1]) })).toThrow(
      'expected only tensors of the model in the state dict, got also c.',
    );
    const { a, b } = fromStateDict(like, { a: tensor([1]), c: tensor([1]) }, { strict: false });
    expect(a.toArray()).toEqual([1]);
    expect(b).toBe(like.b);
  });

  test('another shape or dtype names the path, and nothing changes', () => {
    const net = model();
    expect(() => fromStateDict(net, { ...stateDict(net), 'layers.0.weight': tensor([[1, 2]]) })).toThrow(
      "fromStateDict: ['layers'][0].weight: float32[1,2] in the file, float32[3,2] in the model.",
    );
    expect(() => fromStateDict({ a: tensor([1]) }, { a: tensor([1], { dtype: 'float64' }) })).toThrow(
      "['a']: float64[1] in the file, float32[1] in the model.",
    );
  });

  test('what is no state dict', () => {
    const like = { a: tensor([1]) };
    const bad = (dict: unknown, options = {}) => thrown(() => fromStateDict(like, dict as never, options));
    expect(bad(null)).toBeInstanceOf(ArgumentError);
    expect(bad({ a: 1 }).message).toBe(
      'fromStateDict: expected a tensor for "a" in the state dict, got number.',
    );
    expect(bad({ a: tensor([1]) }, { names: () => 1 }).message).toBe(
      'fromStateDict: expected `names` to give a name for "a", got number.',
    );
  });
});
