import { FormatError } from '../../lib/base/errors';
import * as io from '../../lib/io';
import * as nn from '../../lib/nn';
import * as random from '../../lib/random';
import { toBuffer } from '../../lib/tensor/create';
import { leaves } from '../../lib/tree';
import { Tensor } from '../../lib/tensor/tensor';
import { useFolder } from '../support/folder';

const inFolder = useFolder();
const key = random.key(0);
const linear = (inSize: number) => new nn.Linear(inSize, 512, { key });
/** The third layer of `saved` takes 64 values, that of `wanted` 32. */
const saved = { layers: [new nn.MLP(2, 3, 4, 1, { key }), linear(3), linear(64)] };
const wanted = { layers: [new nn.MLP(2, 3, 4, 1, { key }), linear(3), linear(32)] };

/** Each way from a file into a model, with the function that its errors name. */
const readers: Record<string, readonly [op: string, read: (like: unknown) => unknown]> = {
  eqx: [
    'treeDeserialiseLeaves',
    (like) => {
      io.treeSerialiseLeaves(inFolder('a.eqx'), saved);
      return io.treeDeserialiseLeaves(inFolder('a.eqx'), like);
    },
  ],
  safetensors: [
    'fromStateDict',
    (like) => {
      io.saveSafetensors(inFolder('a.safetensors'), saved);
      return io.fromStateDict(like, io.loadSafetensors(inFolder('a.safetensors')));
    },
  ],
  npz: [
    'fromStateDict',
    async (like) => {
      io.saveNpz(inFolder('a.npz'), saved);
      return io.fromStateDict(like, await io.loadNpz(inFolder('a.npz')));
    },
  ],
  'a state dict': ['fromStateDict', (like) => io.fromStateDict(like, io.stateDict(saved))],
  checkpoint: [
    'Checkpointer.restore',
    (like) => {
      const checkpoints = new io.Checkpointer(inFolder('run'));
      checkpoints.save(1, saved);
      return checkpoints.restore(like);
    },
  ],
};

describe.each(Object.entries(readers))('%s', (_, [op, read]) => {
  test('another shape: the path, what the file holds and what the model has; the model stays', async () => {
    const tensors = leaves(wanted).filter((leaf) => leaf instanceof Tensor);
    const before = tensors.map(toBuffer);
    const error = await Promise.resolve(wanted)
      .then(read)
      .then(String, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toContain(
      `${op}: ['layers'][2].weight: float32[512,64] in the file, float32[512,32] in the model`,
    );
    expect(tensors.map(toBuffer)).toEqual(before);
  });

  test('the same model', async () => {
    const loaded = leaves(await read(saved)).filter((leaf) => leaf instanceof Tensor);
    const own = leaves(saved).filter((leaf) => leaf instanceof Tensor);
    expect(loaded.map(toBuffer)).toEqual(own.map(toBuffer));
  });
});

test('names that differ in the file are told as well', () => {
  const like = { weight: linear(3).weight };
  const read = () => io.fromStateDict(like, { 'fc.w': linear(2).weight }, { names: { weight: 'fc.w' } });
  expect(read).toThrow(
    "fromStateDict: ['weight']: float32[512,2] in the file, float32[512,3] in the model (fc.w in the file).",
  );
});
