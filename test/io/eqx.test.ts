import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Complex } from '../../lib/base/complex';
import { dtypeInfo, dtypes } from '../../lib/base/dtype';
import { ArgumentError, DisposedError, FormatError, TreeError } from '../../lib/base/errors';
import {
  defaultDeserialiseFilterSpec,
  defaultSerialiseFilterSpec,
  treeDeserialiseLeaves,
  treeSerialiseLeaves,
  type DeserialiseLeaf,
  type SerialiseLeaf,
} from '../../lib/io/eqx';
import { transpose } from '../../lib/ops';
import { fromBuffer, tensor, toBuffer } from '../../lib/tensor/create';
import { Tensor } from '../../lib/tensor/tensor';
import { useFolder } from '../support/folder';
import { testWithPython } from '../support/python';

const inFolder = useFolder();

/** What is written to `{write}`, in one piece. */
function saved(tree: unknown, options?: Parameters<typeof treeSerialiseLeaves>[2]): Buffer {
  const pieces: Uint8Array[] = [];
  treeSerialiseLeaves({ write: (bytes) => pieces.push(bytes) }, tree, options);
  return Buffer.concat(pieces);
}

function message(run: () => unknown, Class: new (message: string) => Error): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(Class);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

const act = (x: unknown) => x;
const tree = {
  act,
  name: 'net',
  rate: 1e-8,
  count: 9007199254740993n,
  flag: true,
  z: new Complex(1, -2),
  table: Int16Array.of(1, -2, 3),
  layers: [1, [2, null], undefined],
};
const like = {
  act,
  name: 'other',
  rate: 0,
  count: 0n,
  flag: false,
  z: new Complex(0),
  table: new Int16Array(3),
  layers: [0, [0, null], undefined],
};

describe('treeSerialiseLeaves and treeDeserialiseLeaves', () => {
  test('what is saved comes back; what is not saved comes from `like`', () => {
    const loaded = treeDeserialiseLeaves(saved(tree), like);
    expect(loaded).toEqual({ ...tree, name: 'other' });
    expect(loaded.act).toBe(act);
    expect(like.rate).toBe(0);
  });

  test('numbers keep every bit', () => {
    const values = [1e-8, -0, NaN, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53];
    expect(
      treeDeserialiseLeaves(
        saved(values),
        values.map(() => 0),
      ),
    ).toEqual(values);
  });

  test('leaves are written in the order of their keys, nothing between them', () => {
    const bytes = saved({ b: 1, a: true });
    expect(bytes).toEqual(Buffer.concat([saved(true), saved(1)]));
    expect(bytes).toHaveLength(128 + 1 + 128 + 8);
  });

  test('a tree without leaves is an empty file', () => {
    treeSerialiseLeaves(inFolder('empty'), [null, act, 'text']);
    expect(readFileSync(inFolder('empty.eqx'))).toHaveLength(0);
    expect(treeDeserialiseLeaves(inFolder('empty'), [null, act, 'mine'])).toEqual([null, act, 'mine']);
  });

  test.each([
    ['plain', 'plain.eqx'],
    ['dot.', 'dot..eqx'],
    ['.hidden', '.hidden.eqx'],
    ['v1.2', 'v1.2'],
    ['model.bin', 'model.bin'],
  ])('the path %s is the file %s', (path, file) => {
    treeSerialiseLeaves(inFolder(path), 1.5);
    expect(existsSync(inFolder(file))).toBe(true);
    expect(treeDeserialiseLeaves(inFolder(path), 0)).toBe(1.5);
  });

  test('a file URL is a path', () => {
    treeSerialiseLeaves(pathToFileURL(inFolder('url')), 1.5);
    expect(treeDeserialiseLeaves(pathToFileURL(inFolder('url.eqx')), 0)).toBe(1.5);
  });

  test('a JSON line, then two trees in one stream: each reads its own bytes only', () => {
    const file = openSync(inFolder('stream.eqx'), 'w+');
    try {
      writeSync(file, '{"width": 2}\n');
      treeSerialiseLeaves(file, [1, 2]);
      treeSerialiseLeaves(file, { a: true });
    } finally {
      closeSync(file);
    }
    const back = openSync(inFolder('stream.eqx'), 'r');
    try {
      const line = Buffer.alloc(13);
      readSync(back, line);
      expect(line.toString()).toBe('{"width": 2}\n');
      expect(treeDeserialiseLeaves(back, [0, 0], { allowTrailing: true })).toEqual([1, 2]);
      expect(treeDeserialiseLeaves(back, { a: false })).toEqual({ a: true });
    } finally {
      closeSync(back);
    }
  });

  test('a source may give its bytes in any pieces', () => {
    const bytes = saved(tree);
    let at = 0;
    const dripping = { read: (length: number) => bytes.subarray(at, (at += Math.min(length, 5))) };
    expect(treeDeserialiseLeaves(dripping, like)).toEqual({ ...tree, name: 'other' });
  });

  test("reads Equinox's integers into numbers, or into bigints where they are larger", () => {
    // equinox.tree_serialise_leaves(file, 1); the first is leaf 4 of the golden file.
    const one = readFileSync(join(__dirname, '../fixtures/io/golden.eqx')).subarray(549, 685);
    expect(treeDeserialiseLeaves(one, 0)).toBe(1);
    expect(treeDeserialiseLeaves(one, 0n)).toBe(1n);
    const large = saved(9007199254740993n);
    expect(treeDeserialiseLeaves(large, 0n)).toBe(9007199254740993n);
    expect(message(() => treeDeserialiseLeaves(large, 0), FormatError)).toBe(
      'treeDeserialiseLeaves: expected an integer that a number holds exactly (a bigint in `like` takes any), ' +
        'got 9007199254740993 at the root (byte 0 of the bytes).',
    );
  });

  test('typed arrays of every kind keep their class', () => {
    const arrays = [
      Int8Array.of(-1),
      Uint8Array.of(255),
      Uint8ClampedArray.of(7),
      Int16Array.of(-2),
      Uint16Array.of(65535),
      Int32Array.of(-3),
      Uint32Array.of(4294967295),
      BigInt64Array.of(-4n),
      BigUint64Array.of(2n ** 64n - 1n),
      Float32Array.of(1.5),
      Float64Array.of(0.1),
      Buffer.from('b'),
    ];
    const blank = arrays.map((array) =>
      Buffer.isBuffer(array) ? Buffer.alloc(1) : new (array.constructor as Uint8ArrayConstructor)(1),
    );
    expect(treeDeserialiseLeaves(saved(arrays), blank)).toEqual(arrays);
    expect(() => treeDeserialiseLeaves(saved(new Float32Array(3)), new Float32Array(2))).toThrow(
      'treeDeserialiseLeaves: float32[3] in the file, Float32Array of 2 in the model (byte 0 of the bytes).',
    );
  });
});

describe('filterSpec and isLeaf', () => {
  const skipNumbers: SerialiseLeaf = (file, leaf) => {
    if (typeof leaf !== 'number') defaultSerialiseFilterSpec(file, leaf);
  };
  const keepNumbers: DeserialiseLeaf = (file, leaf) =>
    typeof leaf === 'number' ? leaf : defaultDeserialiseFilterSpec(file, leaf);

  test('a function is asked for every leaf', () => {
    const bytes = saved([1, true], { filterSpec: skipNumbers });
    expect(bytes).toEqual(saved(true));
    expect(treeDeserialiseLeaves(bytes, [5, false], { filterSpec: keepNumbers })).toEqual([5, true]);
  });

  test('a prefix tree has a function for each part', () => {
    const filterSpec = { a: skipNumbers, b: defaultSerialiseFilterSpec };
    const bytes = saved({ a: [1, 2], b: [3, { c: 4 }] }, { filterSpec });
    expect(bytes).toEqual(saved([3, 4]));
    const loaded = treeDeserialiseLeaves(
      bytes,
      { a: [7, 8], b: [0, { c: 0 }] },
      { filterSpec: { a: keepNumbers, b: defaultDeserialiseFilterSpec } },
    );
    expect(loaded).toEqual({ a: [7, 8], b: [3, { c: 4 }] });
  });

  test('a function may replace what has no values by something of the same kind', () => {
    const other = () => 1;
    const filterSpec: DeserialiseLeaf = (_file, leaf) => (typeof leaf === 'function' ? other : leaf);
    expect(treeDeserialiseLeaves(new Uint8Array(), [act], { filterSpec })).toEqual([other]);
  });

  test('a function may not change the kind of a leaf', () => {
    const filterSpec: DeserialiseLeaf = () => 'text';
    expect(message(() => treeDeserialiseLeaves(new Uint8Array(), [1], { filterSpec }), FormatError)).toBe(
      'treeDeserialiseLeaves: expected filterSpec to return number as in `like`, got string at [0] (byte 0 of the bytes).',
    );
  });

  test('isLeaf takes a node as one leaf', () => {
    const isLeaf = (node: unknown) => Array.isArray(node);
    const filterSpec: SerialiseLeaf = (file, leaf) => file.write(Buffer.from(JSON.stringify(leaf)));
    expect(saved({ a: [1, 2] }, { filterSpec, isLeaf }).toString()).toBe('[1,2]');
    const read: DeserialiseLeaf = (file) => JSON.parse(Buffer.from(file.read(5)).toString()) as unknown;
    const loaded = treeDeserialiseLeaves(Buffer.from('[1,2]'), { a: [0] }, { filterSpec: read, isLeaf });
    expect(loaded).toEqual({ a: [1, 2] });
  });

  test('a prefix that does not fit, or is no function, is an error', () => {
    expect(message(() => saved({ a: 1 }, { filterSpec: { b: skipNumbers } }), TreeError)).toContain(
      'treeSerialiseLeaves: expected object {b}, got object {a}',
    );
    expect(message(() => saved([1], { filterSpec: [true] }), ArgumentError)).toBe(
      'treeSerialiseLeaves: expected filterSpec to be a function, got boolean at [0].',
    );
  });

  test("a filter's own exception keeps its cause and gets the path", () => {
    const cause = new RangeError('mine');
    const filterSpec = () => {
      throw cause;
    };
    try {
      saved({ a: [1] }, { filterSpec });
      throw new Error('nothing was thrown');
    } catch (error) {
      expect((error as Error).message).toBe("treeSerialiseLeaves: filterSpec failed at ['a'][0]: mine");
      expect((error as Error).cause).toBe(cause);
    }
  });
});

describe('what does not fit', () => {
  const loading = (bytes: Uint8Array, into: unknown) =>
    message(() => treeDeserialiseLeaves(bytes, into), FormatError);

  test('another kind names the path and both sides', () => {
    const bytes = saved([1, { a: true }]);
    expect(loading(bytes, [0, { a: 0n }])).toBe(
      "treeDeserialiseLeaves: [1]['a']: bool[] in the file, a bigint (int64[]) in the model (byte 136 of the bytes).",
    );
    expect(loading(bytes, [true, { a: true }])).toBe(
      'treeDeserialiseLeaves: [0]: float64[] in the file, a boolean (bool[]) in the model (byte 0 of the bytes).',
    );
  });

  test('fewer leaves than `like` has', () => {
    expect(loading(saved([1]), [1, { a: 2 }])).toBe(
      "treeDeserialiseLeaves: expected 8 more bytes, got the end of the data after 0 at [1]['a'] (byte 136 of the bytes).",
    );
  });

  test('more leaves than `like` has: an error unless it is asked for', () => {
    const bytes = saved([1, 2]);
    expect(loading(bytes, [0])).toBe(
      'treeDeserialiseLeaves: expected the end of the data after 1 leaves, got more at byte 136 of the bytes. ' +
        'Load it into the tree that was saved, or pass {allowTrailing: true} if something else follows.',
    );
    expect(treeDeserialiseLeaves(bytes, [0], { allowTrailing: true })).toEqual([1]);
  });

  test('types that no leaf has are named', () => {
    const strings = Buffer.from(saved(1).toString('latin1').replace("'<f8'", "'<U2'"), 'latin1');
    expect(loading(strings, 1)).toContain("elements of NumPy's type '<U2', [] in the file");
  });

  test('a file cut anywhere is a FormatError that names the file', () => {
    const whole = saved(tree);
    const path = inFolder('cut.eqx');
    for (let length = whole.length - 1; length >= 0; length -= 37) {
      writeFileSync(path, whole);
      truncateSync(path, length);
      expect(message(() => treeDeserialiseLeaves(path, like), FormatError)).toContain(`of ${path})`);
    }
  });

  test('a missing file and a missing folder', () => {
    expect(message(() => treeDeserialiseLeaves(inFolder('none'), 0), ArgumentError)).toBe(
      `treeDeserialiseLeaves: expected a file that can be read, got ENOENT: no such file or directory at ${inFolder('none.eqx')}.`,
    );
    expect(
      message(() => {
        treeSerialiseLeaves(inFolder('no/where'), 0);
      }, ArgumentError),
    ).toContain('treeSerialiseLeaves: expected a place that can be written, got ENOENT');
  });

  test('neither a path nor a stream', () => {
    expect(
      message(() => {
        treeSerialiseLeaves({} as never, 0);
      }, ArgumentError),
    ).toContain('object with write(bytes)');
    expect(message(() => treeDeserialiseLeaves(null as never, 0), ArgumentError)).toContain(
      'object with read(length)',
    );
  });

  test('a failed save keeps the old file, and writes nothing to a stream', () => {
    const path = inFolder('kept/../kept.eqx');
    treeSerialiseLeaves(path, 1);
    const old = readFileSync(path);
    const before = readdirSync(inFolder('.'));
    const bad = [1, 2n ** 63n];
    expect(
      message(() => {
        treeSerialiseLeaves(path, bad);
      }, ArgumentError),
    ).toBe('treeSerialiseLeaves: expected a bigint of 64 bits, got 9223372036854775808n at [1].');
    expect(readFileSync(path)).toEqual(old);
    expect(readdirSync(inFolder('.'))).toEqual(before);
    const write = jest.fn();
    expect(() => {
      treeSerialiseLeaves({ write }, bad);
    }).toThrow(ArgumentError);
    expect(write).not.toHaveBeenCalled();
  });
});

describe('tensors', () => {
  const golden = readFileSync(join(__dirname, '../fixtures/io/golden.eqx'));
  const more = readFileSync(join(__dirname, '../fixtures/io/more.eqx'));
  const goldenTree = () => [
    tensor(1, { dtype: 'int32' }),
    tensor([1, 2]),
    tensor([
      [0, 1, 2],
      [3, 4, 5],
    ]),
    true,
    1n,
    1,
    new Complex(1, 1),
    tensor([true, false]),
    fromBuffer(new Uint8Array(), [0, 4], 'float16'),
  ];
  const blank = (leaf: unknown): unknown =>
    leaf instanceof Tensor ? fromBuffer(new Uint8Array(leaf.nbytes), leaf.shape, leaf.dtype) : leaf;
  const plain = (leaf: unknown): unknown =>
    leaf instanceof Tensor ? { dtype: leaf.dtype, shape: leaf.shape, values: leaf.toArray() } : leaf;

  test("Equinox's file, byte for byte", () => {
    expect(createHash('sha256').update(golden).digest('hex')).toBe(
      '500a4f96e78dc124ab497eb60bf99fc47b8e931346995a85d5f9faaf8cc1d0ab',
    );
    expect(saved(goldenTree())).toEqual(golden);
    const loaded = treeDeserialiseLeaves(golden, goldenTree().map(blank));
    expect(loaded.map(plain)).toEqual(goldenTree().map(plain));
  });

  test('bfloat16, complex, unsigned and NumPy arrays of a file of Equinox', () => {
    const act = () => 1;
    // The values that scripts/fixtures/eqx.py saved; bfloat16 has them exactly.
    const tree = {
      bfloat16: tensor([1.5, -2, 3.140625], { dtype: 'bfloat16' }),
      complex64: tensor([new Complex(1, 2), new Complex(-0, -0.5)]),
      function: act,
      none: null,
      numpy: BigInt64Array.of(0n, 1n, 2n),
      string: 'from like',
      uint32: tensor([[0, 4294967295]], { dtype: 'uint32' }),
    };
    const loaded = treeDeserialiseLeaves(more, {
      ...tree,
      bfloat16: blank(tree.bfloat16),
      complex64: blank(tree.complex64),
      numpy: new BigInt64Array(3),
      uint32: blank(tree.uint32),
    });
    expect(Object.values(loaded).map(plain)).toEqual(Object.values(tree).map(plain));
    expect(saved(tree)).toEqual(more);
  });

  test.each(dtypes)('%s: every bit comes back', (dtype) => {
    const { itemBytes } = dtypeInfo(dtype);
    const bytes = Uint8Array.from({ length: 6 * itemBytes }, (_, i) =>
      dtype === 'bool' ? i % 2 : (i * 37) % 256,
    );
    const x = fromBuffer(bytes.slice(), [2, 3], dtype);
    const loaded = treeDeserialiseLeaves(saved(x), blank(x) as Tensor);
    expect([loaded.dtype, loaded.shape]).toEqual([dtype, [2, 3]]);
    expect(toBuffer(loaded)).toEqual(bytes);
  });

  test('views are saved as what they show', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(saved(transpose(x, 0, 1))).toEqual(
      saved(
        tensor([
          [1, 3],
          [2, 4],
        ]),
      ),
    );
  });

  test('what is loaded does not change with the bytes that it came from', () => {
    const bytes = saved(tensor([1, 2]));
    const loaded = treeDeserialiseLeaves(bytes, tensor([0, 0]));
    bytes.fill(255);
    expect(loaded.toArray()).toEqual([1, 2]);
  });

  test('another shape or dtype names the path and both', () => {
    const bytes = saved({ layers: [{ weight: tensor([[1, 2]]) }] });
    const into = (weight: Tensor) =>
      message(() => treeDeserialiseLeaves(bytes, { layers: [{ weight }] }), FormatError);
    expect(into(tensor([1, 2]))).toBe(
      "treeDeserialiseLeaves: ['layers'][0]['weight']: float32[1,2] in the file, float32[2] in the model (byte 0 of the bytes).",
    );
    expect(into(tensor([[1, 2]], { dtype: 'float64' }))).toContain(
      "['layers'][0]['weight']: float32[1,2] in the file, float64[1,2] in the model",
    );
    const filterSpec: DeserialiseLeaf = () => tensor([1, 2]);
    expect(
      message(() => treeDeserialiseLeaves(new Uint8Array(), [tensor([1])], { filterSpec }), FormatError),
    ).toContain('expected filterSpec to return float32[1] as in `like`, got float32[2] at [0]');
  });

  test('a disposed tensor: the path, and the old file stays', () => {
    const path = inFolder('disposed.eqx');
    treeSerialiseLeaves(path, [tensor([1])]);
    const old = readFileSync(path);
    const gone = tensor([2]);
    gone.dispose();
    expect(
      message(() => {
        treeSerialiseLeaves(path, { a: [tensor([3]), gone] });
      }, DisposedError),
    ).toBe("treeSerialiseLeaves: expected a live tensor, got one that is gone: it was disposed at ['a'][1].");
    expect(readFileSync(path)).toEqual(old);
  });

  test('no damage of a file does anything but throw a FormatError or load other values', () => {
    const like = goldenTree();
    for (let at = 0; at < golden.length; at += 3) {
      for (const value of [0x00, 0x39, 0xff]) {
        const damaged = Buffer.from(golden);
        damaged[at] = value;
        try {
          expect(treeDeserialiseLeaves(damaged, like)).toHaveLength(like.length);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }
    }
  });

  testWithPython('Equinox loads what is saved here, and saves the same bytes', ['equinox'], (python) => {
    const ours = [
      ...goldenTree(),
      tensor([1.5, -2], { dtype: 'bfloat16' }),
      tensor([1.5, -2], { dtype: 'float16' }),
      tensor([[1], [2]], { dtype: 'uint8' }),
      tensor([new Complex(1, 2)]),
      1e-8,
      false,
    ];
    const path = inFolder('python.eqx');
    treeSerialiseLeaves(path, ours);
    const script = `
import sys
import equinox as eqx, jax.numpy as jnp, jax.tree_util as jtu
like = [jnp.zeros((), 'int32'), jnp.zeros(2), jnp.zeros((2, 3)), False, 0, 0.0, 0j, jnp.zeros(2, bool),
        jnp.zeros((0, 4), 'float16'), jnp.zeros(2, 'bfloat16'), jnp.zeros(2, 'float16'), jnp.zeros((2, 1), 'uint8'),
        jnp.zeros(1, 'complex64'), 0.0, True]
loaded = eqx.tree_deserialise_leaves(sys.argv[1], like)
print([x.tolist() if hasattr(x, 'tolist') else x for x in loaded])
eqx.tree_serialise_leaves(sys.argv[1] + '.again', loaded)
`;
    expect(python.run(script, path).trim()).toBe(
      '[1, [1.0, 2.0], [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], True, 1, 1.0, (1+1j), [True, False], [], ' +
        '[1.5, -2.0], [1.5, -2.0], [[1], [2]], [(1+2j)], 1e-08, False]',
    );
    expect(readFileSync(`${path}.again`)).toEqual(readFileSync(path));
  });

  testWithPython('every dtype goes to Equinox and back, bit for bit', ['equinox'], (python) => {
    const ours = dtypes.map((dtype) => {
      const { itemBytes } = dtypeInfo(dtype);
      const bytes = Uint8Array.from({ length: 4 * itemBytes }, (_, i) =>
        dtype === 'bool' ? i % 2 : (i * 37) % 256,
      );
      return fromBuffer(bytes, [2, 2], dtype);
    });
    const path = inFolder('every.eqx');
    treeSerialiseLeaves(path, ours);
    const script = `
import sys
import jax
jax.config.update('jax_enable_x64', True)
import equinox as eqx, jax.numpy as jnp
like = [jnp.zeros((2, 2), dtype) for dtype in sys.argv[2].split()]
loaded = eqx.tree_deserialise_leaves(sys.argv[1], like)
eqx.tree_serialise_leaves(sys.argv[1] + '.again', loaded)
`;
    python.run(script, path, dtypes.join(' '));
    expect(readFileSync(`${path}.again`)).toEqual(readFileSync(path));
    const back = treeDeserialiseLeaves(`${path}.again`, ours.map(blank) as Tensor[]);
    expect(back.map(toBuffer)).toEqual(ours.map(toBuffer));
  });

  test('booleans that are neither 0 nor 1 become true', () => {
    const bytes = saved(tensor([true, false]));
    bytes[bytes.length - 1] = 0xff;
    expect(toBuffer(treeDeserialiseLeaves(bytes, tensor([false, false])))).toEqual(Uint8Array.of(1, 1));
  });
});
