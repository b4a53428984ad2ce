import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Complex } from '../../lib/base/complex';
import { dtypeInfo, dtypes } from '../../lib/base/dtype';
import { ArgumentError, DisposedError, DtypeError, FormatError } from '../../lib/base/errors';
import { loadSafetensors, safetensorsInfo, saveSafetensors } from '../../lib/io/safetensors';
import { fromStateDict } from '../../lib/io/state-dict';
import * as nn from '../../lib/nn';
import { relu } from '../../lib/ops';
import * as random from '../../lib/random';
import { fromBuffer, tensor, toBuffer } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { runNode, builtFolder } from '../support/program';
import { useFolder } from '../support/folder';
import { testWithPython } from '../support/python';
import { thrown } from '../support/thrown';

const inFolder = useFolder();
const fixture = join(__dirname, '../fixtures/io/all.safetensors');
const held = dtypes.filter((dtype) => dtype !== 'complex128');

/** A file with the given header and as many zeros of data. */
function crafted(header: unknown, dataBytes = 0, name = 'crafted.safetensors'): string {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(inFolder(name), Buffer.concat([length, text, Buffer.alloc(dataBytes)]));
  return inFolder(name);
}

const entry = (dtype: string, shape: readonly unknown[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('safetensors', () => {
  test("PyTorch's file: every dtype, empty and scalar tensors, metadata; saved again as the same bytes", () => {
    const loaded = loadSafetensors(fixture);
    expect(Object.keys(loaded).sort()).toEqual([...held, 'empty', 'scalar'].sort());
    for (const dtype of held) {
      const x = loaded[dtype]!;
      expect([x.dtype, x.shape]).toEqual([dtype, [2, 3]]);
      const values = dtype === 'bool' ? [1, 0, 1, 1, 1, 0] : [1, 0, 2, 3, 1, 0];
      expect(((dtype === 'complex64' ? x.real() : x).to('float64').toArray() as number[][]).flat()).toEqual(
        values,
      );
    }
    expect([loaded['empty']!.shape, loaded['scalar']!.item()]).toEqual([[0, 3], -1.5]);
    const { metadata, tensors } = safetensorsInfo(fixture);
    expect(metadata).toEqual({ 'made by': 'PyTorch, für Tests' });
    expect(tensors['bfloat16']).toEqual({ dtype: 'bfloat16', shape: [2, 3] });
    saveSafetensors(inFolder('again.safetensors'), loaded, { metadata });
    expect(readFileSync(inFolder('again.safetensors'))).toEqual(readFileSync(fixture));
  });

  test.each(held)('%s: every bit comes back', (dtype) => {
    const { itemBytes } = dtypeInfo(dtype);
    const bytes = Uint8Array.from({ length: 6 * itemBytes }, (_, i) =>
      dtype === 'bool' ? i % 2 : (i * 37) % 256,
    );
    const x = fromBuffer(bytes, [2, 3], dtype);
    saveSafetensors(inFolder('bits.safetensors'), { x });
    expect(toBuffer(loadSafetensors(inFolder('bits.safetensors'))['x']!)).toEqual(toBuffer(x));
  });

  test('a model goes through a file; only tensors are in it', () => {
    const model = new nn.MLP(2, 1, 4, 2, { key: random.key(0), activation: relu });
    saveSafetensors(inFolder('model.safetensors'), model);
    const dict = loadSafetensors(inFolder('model.safetensors'));
    expect(Object.keys(dict)).toContain('layers.0.weight');
    const like = new nn.MLP(2, 1, 4, 2, { key: random.key(1), activation: relu });
    const loaded = fromStateDict(like, dict);
    expect(toBuffer(loaded.forward(tensor([1, 2])))).toEqual(toBuffer(model.forward(tensor([1, 2]))));
    expect(loaded.activation).toBe(like.activation);
  });

  test('only what is chosen is loaded', () => {
    const loaded = loadSafetensors(fixture, { only: (name) => name.startsWith('int') });
    expect(Object.keys(loaded).sort()).toEqual(['int16', 'int32', 'int64', 'int8']);
  });

  test('views are saved as what they show', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    saveSafetensors(inFolder('view.safetensors'), { x: x.t() });
    expect(loadSafetensors(inFolder('view.safetensors'))['x']!.toArray()).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });

  test('names are any, __proto__ too', () => {
    const tree = new Map([['__proto__', tensor([1])]]);
    saveSafetensors(inFolder('proto.safetensors'), tree);
    const loaded = loadSafetensors(inFolder('proto.safetensors'));
    expect(Object.keys(loaded)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(loaded)).toBe(Object.prototype);
  });

  test('booleans that are neither 0 nor 1 become true', () => {
    const path = crafted({ x: entry('BOOL', [2], 0, 2) }, 2);
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] = 0xff;
    writeFileSync(path, bytes);
    expect(toBuffer(loadSafetensors(path)['x']!)).toEqual(Uint8Array.of(0, 1));
  });
});

describe('what cannot be saved', () => {
  test.each<[string, unknown, object, new (text: string) => Error, string]>([
    [
      'complex128',
      { a: [tensor([new Complex(1, 1)], { dtype: 'complex128' })] },
      {},
      DtypeError,
      "saveSafetensors: expected a dtype that safetensors files can hold, got complex128 at ['a'][0].",
    ],
    [
      'one name for two',
      { 'a.b': tensor(1), a: { b: tensor(2) } },
      {},
      ArgumentError,
      `expected a name of its own for each tensor, got "a.b" for both ['a']['b'] and ['a.b']`,
    ],
    [
      'metadata',
      {},
      { metadata: { x: 1 } },
      ArgumentError,
      'expected metadata to be strings, got number for "x"',
    ],
    [
      'the name of the metadata',
      { __metadata__: tensor(1) },
      {},
      ArgumentError,
      'another name than "__metadata__"',
    ],
  ])('%s', (_name, tree, options, Class, message) => {
    writeFileSync(inFolder('old.safetensors'), 'old');
    const save = () => {
      saveSafetensors(inFolder('old.safetensors'), tree, options);
    };
    expect(save).toThrow(Class);
    expect(save).toThrow(message);
    expect(readFileSync(inFolder('old.safetensors'), 'utf8')).toBe('old');
  });

  test('a disposed tensor names its path', () => {
    const gone = tensor([1]);
    gone.dispose();
    const error = thrown(() => {
      saveSafetensors(inFolder('gone.safetensors'), { a: gone });
    });
    expect(error).toBeInstanceOf(DisposedError);
    expect(error.message).toContain("at ['a']");
  });

  test('a path that is none', () => {
    expect(() => loadSafetensors('')).toThrow('loadSafetensors: expected a path, got an empty string.');
    expect(() => loadSafetensors(inFolder('none'))).toThrow(ArgumentError);
    expect(() => loadSafetensors('/dev/null')).toThrow('expected a regular file');
  });
});

describe('hostile files', () => {
  const refused = (path: string, message: string): void => {
    const error = thrown(() => loadSafetensors(path));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain(message);
    expect(error.message).toContain(path);
  };

  test('a header that is longer than the file, or than any header is', () => {
    const path = inFolder('long.safetensors');
    writeFileSync(path, Buffer.from('ffffffffffffffff', 'hex'));
    refused(path, 'expected a safetensors header of at most 0 bytes, got one of 18446744073709551615 bytes');
    writeFileSync(path, Buffer.concat([Buffer.from('0000000010000000', 'hex'), Buffer.alloc(100)]));
    refused(path, 'at most 100 bytes');
    writeFileSync(path, '');
    refused(path, 'expected a safetensors file, got 0 bytes');
  });

  test.each<[string, unknown, number, string]>([
    ['no JSON', 'null', 0, 'header in JSON'],
    ['an array', '[]', 0, 'header in JSON'],
    ['half of it', '{"x":', 0, 'header in JSON'],
    ['deep nesting', '['.repeat(1000000), 0, 'header in JSON'],
    [
      'an overlap',
      { a: entry('U8', [4], 0, 4), b: entry('U8', [4], 2, 6) },
      6,
      'an overlap: they begin at byte 2',
    ],
    ['a hole', { a: entry('U8', [1], 0, 1), b: entry('U8', [1], 2, 3) }, 3, 'a hole: they begin at byte 2'],
    [
      'a range that the shape denies',
      { a: entry('F32', [3], 0, 8) },
      8,
      'expected 12 bytes for "a", float32[3]',
    ],
    ['data that is missing', { a: entry('F32', [3], 0, 12) }, 8, 'expected 12 bytes of elements'],
    ['data that is left over', { a: entry('F32', [3], 0, 12) }, 13, 'expected 12 bytes of elements'],
    ['a reversed range', { a: entry('U8', [0], 4, 0) }, 4, 'expected dtype, shape and data_offsets for "a"'],
    ['a negative size', { a: entry('U8', [-1], 0, 0) }, 0, 'expected dtype, shape'],
    ['a size that is NaN', '{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,0]}}', 0, 'header in JSON'],
    ['a size that is null', { a: entry('U8', [NaN], 0, 0) }, 0, 'expected dtype, shape'],
    ['a fraction', { a: entry('U8', [0.5], 0, 0) }, 0, 'expected dtype, shape'],
    ['a product beyond all', { a: entry('U8', [2 ** 52, 2 ** 52, 0], 0, 0) }, 0, 'expected dtype, shape'],
    ['too many axes', { a: entry('U8', Array<number>(65).fill(1), 0, 1) }, 1, 'expected dtype, shape'],
    ['a dtype from elsewhere', { a: entry('F8_E4M3', [1], 0, 1) }, 1, 'got F8_E4M3 for "a"'],
    ['a dtype that is no name', { a: entry('<b>', [1], 0, 1) }, 1, 'expected dtype, shape'],
    ['metadata that are no strings', { __metadata__: { a: 1 } }, 0, 'expected __metadata__ to be strings'],
    [
      'a name twice',
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
      2,
      'expected each key of the safetensors header once',
    ],
  ])('%s', (_name, header, dataBytes, message) => {
    refused(crafted(header, dataBytes), message);
  });

  test('cut anywhere', () => {
    const whole = readFileSync(fixture);
    const path = inFolder('cut.safetensors');
    for (let length = whole.length - 1; length >= 0; length -= 13) {
      writeFileSync(path, whole);
      truncateSync(path, length);
      expect(() => loadSafetensors(path)).toThrow(FormatError);
    }
  });
});

test('loading takes no more memory than the tensors do', async () => {
  const mebi = 2 ** 20;
  const path = crafted({ a: entry('F32', [64 * mebi], 0, 256 * mebi) }, 0, 'large.safetensors');
  const header = readFileSync(path).length;
  truncateSync(path, header + 256 * mebi);
  const script = `
    const { io, tensor } = require(${JSON.stringify(join(builtFolder, 'lib'))});
    tensor([1]).add(1);
    const before = process.resourceUsage().maxRSS;
    const { a } = io.loadSafetensors(${JSON.stringify(path)});
    const more = process.resourceUsage().maxRSS - before;
    console.log(JSON.stringify([a.shape, more / 1024]));`;
  const { stdout, stderr } = await runNode(['-e', script]);
  expect(stderr).toBe('');
  const [shape, mebis] = JSON.parse(stdout) as [number[], number];
  expect(shape).toEqual([64 * mebi]);
  expect(mebis).toBeLessThan(256 + 40);
}, 60_000);

testWithPython(
  "Python's safetensors reads what is saved here, and writes the same bytes",
  ['safetensors', 'torch'],
  (python) => {
    const values: Record<string, Tensor> = {};
    for (const dtype of held) values[dtype] = tensor([[1, 0, 2]], { dtype: 'float32' }).to(dtype);
    const path = inFolder('ours.safetensors');
    saveSafetensors(path, values, { metadata: { epoch: '3' } });
    const script = `
import json, sys
import safetensors, safetensors.torch
path = sys.argv[1]
tensors = safetensors.torch.load_file(path)
with safetensors.safe_open(path, 'pt') as file:
    metadata = file.metadata()
safetensors.torch.save_file(tensors, path + '.again', metadata=metadata)
print(json.dumps([metadata, {k: [str(v.dtype), v.to(float if not v.is_complex() else v.dtype).real.tolist()] for k, v in tensors.items()}]))
`;
    const [metadata, theirs] = JSON.parse(python.run(script, path)) as [object, Record<string, unknown>];
    expect(metadata).toEqual({ epoch: '3' });
    for (const dtype of held) {
      expect(theirs[dtype]).toEqual([`torch.${dtype}`, [[1, 0, dtype === 'bool' ? 1 : 2]]]);
    }
    expect(readFileSync(`${path}.again`)).toEqual(readFileSync(path));
  },
);

test.each([
  [
    '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
  ],
  ['{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}'],
])('a key that stands twice is refused %#', (header) => {
  expect(() => loadSafetensors(crafted(header, 1))).toThrow(
    'loadSafetensors: expected each key of the safetensors header once, got one twice in ',
  );
});
