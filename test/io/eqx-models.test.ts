import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError } from '../../lib/base/errors';
import { treeDeserialiseLeaves, treeSerialiseLeaves } from '../../lib/io/eqx';
import * as nn from '../../lib/nn';
import { linspace, relu } from '../../lib/ops';
import * as random from '../../lib/random';
import { useFolder } from '../support/folder';
import { testWithPython } from '../support/python';

const inFolder = useFolder();
const fixtures = join(__dirname, '../fixtures/io');

function makeModel(seed: number) {
  const [k1, k2] = random.split(random.key(seed));
  return {
    conv: new nn.Conv2d(1, 2, 3, { key: k1 }),
    mlp: new nn.MLP(18, 3, 4, 2, { key: k2 }),
    pool: new nn.MaxPool2d(2),
  };
}

function forward({ conv, mlp, pool }: ReturnType<typeof makeModel>): number[] {
  const image = linspace(-1, 1, 36).reshape([1, 6, 6]);
  return mlp.forward(pool.forward(conv.forward(image)).reshape([-1])).toArray() as number[];
}

describe('models', () => {
  test("a model that Equinox saved computes what Equinox's does, and is saved as the same bytes", () => {
    const like = makeModel(5);
    const before = forward(like);
    const model = treeDeserialiseLeaves(join(fixtures, 'model.eqx'), like);
    const { result } = JSON.parse(readFileSync(join(fixtures, 'model.json'), 'utf8')) as { result: number[] };
    forward(model).forEach((value, i) => {
      expect(value).toBeCloseTo(result[i] ?? NaN, 6);
    });
    expect(forward(like)).toEqual(before);
    treeSerialiseLeaves(inFolder('again'), model);
    expect(readFileSync(inFolder('again.eqx'))).toEqual(readFileSync(join(fixtures, 'model.eqx')));
  });

  test('the same seed makes the weights that Equinox makes', () => {
    const { result } = JSON.parse(readFileSync(join(fixtures, 'model.json'), 'utf8')) as { result: number[] };
    forward(makeModel(0)).forEach((value, i) => {
      expect(value).toBeCloseTo(result[i] ?? NaN, 6);
    });
  });

  test('a model of another size names the first layer that differs', () => {
    const like = { ...makeModel(0), mlp: new nn.MLP(18, 3, 5, 2, { activation: relu, key: random.key(0) }) };
    const load = () => treeDeserialiseLeaves(join(fixtures, 'model.eqx'), like);
    expect(load).toThrow(FormatError);
    expect(load).toThrow(
      /: \['mlp'\]\.layers\[0\]\.weight: float32\[4,18\] in the file, float32\[5,18\] in the model \(byte /,
    );
  });

  testWithPython('Equinox loads a model that is saved here', ['equinox'], (python) => {
    const model = makeModel(9);
    treeSerialiseLeaves(inFolder('ours'), model);
    const script = `
import sys
import equinox as eqx, jax, jax.numpy as jnp
key = jax.random.key(1)
like = {'conv': eqx.nn.Conv2d(1, 2, 3, key=key), 'mlp': eqx.nn.MLP(18, 3, 4, 2, key=key), 'pool': eqx.nn.MaxPool2d(2)}
model = eqx.tree_deserialise_leaves(sys.argv[1], like)
image = jnp.linspace(-1, 1, 36).reshape(1, 6, 6)
print(model['mlp'](model['pool'](model['conv'](image)).reshape(-1)).tolist())
`;
    const theirs = JSON.parse(python.run(script, inFolder('ours.eqx'))) as number[];
    forward(model).forEach((value, i) => {
      expect(value).toBeCloseTo(theirs[i] ?? NaN, 5);
    });
  });
});
