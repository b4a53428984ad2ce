import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { ArgumentError, DisposedError, type EquinodeError } from '../../lib/base/errors';
import * as io from '../../lib/io';
import * as nn from '../../lib/nn';
import { zeros } from '../../lib/ops';
import * as random from '../../lib/random';
import type { Tensor } from '../../lib/tensor/tensor';
import { useFolder } from '../support/folder';

const inFolder = useFolder();

async function refusal(body: () => unknown): Promise<EquinodeError> {
  try {
    await body();
  } catch (error) {
    return error as EquinodeError;
  }
  throw new Error('expected an error, got none');
}

function disposed(): Tensor {
  const gone = zeros([2]);
  gone.dispose();
  return gone;
}

/** Every writer, of a tree with one tensor at `['a']`. */
const writers: Record<string, (path: string, a: Tensor) => unknown> = {
  treeSerialiseLeaves: (path, a) => {
    io.treeSerialiseLeaves(path, { a });
  },
  saveSafetensors: (path, a) => {
    io.saveSafetensors(path, { a });
  },
  saveNpz: (path, a) => {
    io.saveNpz(path, { a });
  },
  'Checkpointer.save': (path, a) => new io.Checkpointer(path).save(1, { a }),
  'Checkpointer.saveAsync': (path, a) => new io.Checkpointer(path).saveAsync(1, { a }),
};

describe.each(Object.entries(writers))('%s writes nothing', (name, write) => {
  test.each([
    ['of a disposed tensor', disposed, DisposedError, 'expected a live tensor, got one that is gone'],
    [
      'of a tensor without values',
      () => zeros([2], { device: 'meta' }),
      ArgumentError,
      'expected a tensor with values, got float32[2] on the device meta',
    ],
  ] as const)('%s', async (_, make, Class, message) => {
    mkdirSync(inFolder(name), { recursive: true });
    const error = await refusal(() => write(inFolder(`${name}/x`), make()));
    expect(error).toBeInstanceOf(Class);
    expect(error.message).toContain(`${name}: ${message}`);
    expect(error.message).toContain("at ['a']");
    const written = readdirSync(inFolder(name), { recursive: true }).filter((file) => file !== 'x');
    expect(written).toEqual([]);
  });
});

test('saveNpy names itself', async () => {
  const error = await refusal(() => {
    io.saveNpy(inFolder('x.npy'), disposed());
  });
  expect(error.message).toContain('saveNpy: expected a live tensor');
});

test('fromStateDict tells which of both is gone', () => {
  const whole = zeros([2]);
  expect(() => io.fromStateDict({ a: whole }, { a: disposed() })).toThrow(
    "fromStateDict: expected live tensors in the state dict, got a disposed one at ['a'] (a).",
  );
  expect(() => io.fromStateDict({ a: disposed() }, { a: whole })).toThrow(
    "fromStateDict: expected live tensors in the model, got a disposed one at ['a'] (a).",
  );
  expect(() => io.fromStateDict({ a: whole }, { a: whole }, { convert: () => 1 as never })).toThrow(
    'fromStateDict: expected `convert` to return a tensor for "a", got number.',
  );
});

test.each([
  ['a'.repeat(70_000), 'got one of 70000 bytes'],
  ['a\0b', String.raw`got "a\u0000b"`],
  ['../x', 'got "../x"'],
])('saveNpz refuses a name that no archive can have %#', (name, message) => {
  expect(() => {
    io.saveNpz(inFolder('names.npz'), { [name]: zeros([1]) });
  }).toThrow(message);
});

describe('an option that there is none of, or out of its range', () => {
  const misspelt = { optoin: 1 } as never;
  const path = '/nowhere/x';
  test.each<[string, () => unknown]>([
    ['treeSerialiseLeaves', () => { io.treeSerialiseLeaves(path, {}, misspelt); }],
    ['treeDeserialiseLeaves', () => io.treeDeserialiseLeaves(path, {}, misspelt)],
    ['saveSafetensors', () => { io.saveSafetensors(path, {}, misspelt); }],
    ['loadSafetensors', () => io.loadSafetensors(path, misspelt)],
    ['loadNpz', () => io.loadNpz(path, misspelt)],
    ['loadStateDict', () => io.loadStateDict(path, misspelt)],
    ['fromStateDict', () => io.fromStateDict({}, {}, misspelt)],
  ])('%s', async (name, call) => {
    const error = await refusal(call);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toMatch(new RegExp(`^${name}: expected the options? .*, got "optoin"\\.$`));
  }); // prettier-ignore

  test('values', async () => {
    expect((await refusal(() => io.loadNpz(path, { maxBytes: -1 }))).message).toBe(
      'loadNpz: expected maxBytes to be a whole number from 0 on, got -1.',
    );
    expect((await refusal(() => io.loadSafetensors(path, { only: 'a' as never }))).message).toBe(
      'loadSafetensors: expected `only` to be a function of a name, got string.',
    );
  });
});

test('exportTorchScript of a disposed example', async () => {
  const model = new nn.Linear(2, 2, { key: random.key(0) });
  const error = await refusal(() => {
    io.exportTorchScript(inFolder('x.pt'), model, disposed());
  });
  expect(error).toBeInstanceOf(DisposedError);
  expect(error.message).toContain('exportTorchScript: ');
});

test('a URL of something else than a file', () => {
  const url = new URL('https://example.com/a');
  const message = 'expected a path or a file URL, got https://example.com/a. Download it first.';
  expect(() => io.loadSafetensors(url)).toThrow(`loadSafetensors: ${message}`);
  expect(() => io.treeDeserialiseLeaves(url, [1])).toThrow(`treeDeserialiseLeaves: ${message}`);
  expect(() => io.treeDeserialiseLeaves('', [1])).toThrow(
    'treeDeserialiseLeaves: expected a path, got an empty string.',
  );
});

test('a checkpoint that is asked for by its step and damaged is told as such', () => {
  const folder = inFolder('damaged');
  const path = new io.Checkpointer(folder).save(1, [1]);
  writeFileSync(path, 'nothing');
  expect(() => new io.Checkpointer(folder).restore([1], 1)).toThrow(
    'Checkpointer.restore: expected a checkpoint of version 1, got "nothing" in ',
  );
});
