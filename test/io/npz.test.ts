import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Complex } from '../../lib/base/complex';
import { dtypes } from '../../lib/base/dtype';
import { ArgumentError, FormatError, type EquinodeError } from '../../lib/base/errors';
import { loadNpy, loadNpz, saveNpy, saveNpz } from '../../lib/io/npz';
import { tensor, toBuffer } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { useFolder } from '../support/folder';
import { writeZip } from '../support/libtorch';
import { testWithPython } from '../support/python';

const inFolder = useFolder();
const fixtures = join(__dirname, '../fixtures/io');

async function refused(path: string, message: string | RegExp, options = {}): Promise<void> {
  const error = await loadNpz(path, options).then(
    () => undefined,
    (reason: unknown) => reason as EquinodeError,
  );
  expect(error).toBeInstanceOf(FormatError);
  expect(error?.message).toMatch(message);
  expect(error?.message).toContain(path);
}

describe('npy files', () => {
  test.each(dtypes)('%s comes back', (dtype) => {
    const x = tensor([[1, 0, 1]], { dtype: 'float32' }).to(dtype);
    saveNpy(inFolder('x.npy'), x);
    const loaded = loadNpy(inFolder('x.npy'));
    expect([loaded.dtype, loaded.shape, toBuffer(loaded)]).toEqual([dtype, [1, 3], toBuffer(x)]);
  });

  test('what is no tensor, no array, or longer than it says', () => {
    expect(() => {
      saveNpy(inFolder('n.npy'), 1 as never);
    }).toThrow('saveNpy: expected a tensor, got number.');
    const path = inFolder('bad.npy');
    writeFileSync(path, 'no array');
    expect(() => loadNpy(path)).toThrow(/^loadNpy: expected an NPY header, got bytes .* in .*bad\.npy\.$/);
    saveNpy(path, tensor([1, 2]));
    const whole = readFileSync(path);
    writeFileSync(path, Buffer.concat([whole, Buffer.alloc(1)]));
    expect(() => loadNpy(path)).toThrow('expected 8 bytes for float32[2], got 9');
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      expect(() => loadNpy(path)).toThrow(FormatError);
    }
  });

  test('objects are pickles, and refused by their type', () => {
    const path = inFolder('objects.npy');
    saveNpy(path, tensor([1], { dtype: 'int64' }));
    writeFileSync(path, readFileSync(path).toString('latin1').replace("'<i8'", "'|O8'"), 'latin1');
    expect(() => loadNpy(path)).toThrow(
      "expected elements that tensors can have, got elements of NumPy's type '|O8', [1]",
    );
  });
});

describe('npz archives', () => {
  test.each(['plain.npz', 'packed.npz'])("NumPy's %s: any order of axes and bytes", async (name) => {
    const loaded = await loadNpz(join(fixtures, name));
    expect(Object.keys(loaded)).toEqual(['x', 'fortran', 'big', 'scalar', 'a/b', 'zeros']);
    const values = (key: string) => loaded[key]?.toArray();
    expect(values('x')).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(loaded['fortran']?.reshape([-1]).toArray()).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(loaded['fortran']?.shape).toEqual([2, 3, 4]);
    expect(values('big')).toEqual([1, 256]);
    expect(values('scalar')).toBe(2.5);
    expect(values('a/b')).toEqual([true, false]);
    expect([loaded['zeros']?.dtype, loaded['zeros']?.shape]).toEqual(['complex64', [50, 100]]);
  });

  test('a tree comes back by its names', async () => {
    const path = inFolder('tree.npz');
    saveNpz(path, { layers: [{ weight: tensor([[1, 2]]) }], act: Math.abs, empty: tensor([]) });
    const loaded = await loadNpz(path);
    expect(Object.keys(loaded)).toEqual(['empty', 'layers.0.weight']);
    expect(loaded['layers.0.weight']?.toArray()).toEqual([[1, 2]]);
    expect(loaded['empty']?.shape).toEqual([0]);
    saveNpz(path, {});
    expect(await loadNpz(path)).toEqual({});
  });

  test('names that lead out of a folder are not written', () => {
    for (const name of ['../x', '/x', 'a/../../x', 'C:x', 'a\\b']) {
      expect(() => {
        saveNpz(inFolder('names.npz'), { [name]: tensor(1) });
      }).toThrow(ArgumentError);
    }
    expect(() => {
      saveNpz(inFolder('names.npz'), tensor(1));
    }).toThrow('expected names that a file in an archive can have, got ""');
  });

  test('compressed arrays may not grow beyond `maxBytes`', async () => {
    await refused(
      join(fixtures, 'packed.npz'),
      /expected compressed files of at most 1000 bytes together \(see `maxBytes`\), got \d+ up to "/,
      { maxBytes: 1000 },
    );
  });

  test('cut anywhere, and what is no archive', async () => {
    for (const name of ['plain.npz', 'packed.npz']) {
      const whole = readFileSync(join(fixtures, name));
      const path = inFolder(name);
      for (let i = 1; i < 30; i++) {
        writeFileSync(path, whole);
        truncateSync(path, Math.floor((whole.length * i) / 30));
        await refused(path, 'loadNpz: expected ');
      }
    }
    writeFileSync(inFolder('text.npz'), '<html>');
    await refused(inFolder('text.npz'), 'expected a zip archive');
  });

  test('another file in it, a name twice, and a checksum that is wrong', async () => {
    await refused(
      await writeZip(inFolder('other.npz'), { 'readme.txt': 'x' }),
      'expected arrays (.npy) in the',
    );
    const path = inFolder('sum.npz');
    saveNpz(path, { a: tensor([1]), b: tensor([2]) });
    const whole = readFileSync(path);
    const twice = Buffer.from(whole.toString('latin1').replaceAll('b.npy', 'a.npy'), 'latin1');
    writeFileSync(path, twice);
    await refused(path, 'expected each name once in the archive, got "a.npy" again');
    const damaged = Buffer.from(whole);
    damaged[30 + 5 + 128] = 1;
    writeFileSync(path, damaged);
    await refused(path, /expected the checksum [0-9a-f]+ for "a\.npy", got/);
  });

  test('paths that lead out of a folder, and entries that overlap', async () => {
    const path = inFolder('tricks.npz');
    saveNpz(path, { 'aa/x': tensor([1]), b: tensor([2]) });
    const whole = readFileSync(path);
    const renamed = (to: string) => Buffer.from(whole.toString('latin1').replaceAll('aa/x', to), 'latin1');
    for (const name of ['../x', '/etc']) {
      writeFileSync(path, renamed(name));
      await refused(path, 'expected a zip archive, got');
    }
    // The second entry of the directory is made to begin where the first one does.
    const overlapping = Buffer.from(whole);
    const second = overlapping.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
    overlapping.writeUInt32LE(0, second + 42);
    writeFileSync(path, overlapping);
    await refused(path, 'expected files that do not overlap, got ');
  });

  testWithPython('NumPy reads what is saved here', ['numpy'], async (python) => {
    const path = inFolder('ours.npz');
    const values: Record<string, Tensor> = { c: tensor([new Complex(1, -2)]), scalar: tensor(2.5) };
    for (const dtype of dtypes) values[dtype] = tensor([[1, 0]], { dtype: 'float32' }).to(dtype);
    saveNpz(path, values);
    saveNpy(inFolder('ours.npy'), tensor([[1, 2]]));
    const script = `
import sys
import numpy as np
loaded = np.load(sys.argv[1])
assert all(loaded[k].dtype == k and loaded[k].tolist() == [[1, 0]] for k in loaded if k not in ('c', 'scalar', 'bfloat16'))
assert loaded['bfloat16'].dtype == 'V2' and loaded['c'].tolist() == [1 - 2j] and loaded['scalar'] == 2.5
assert np.load(sys.argv[2]).tolist() == [[1, 2]]
np.save(sys.argv[2] + '.again.npy', np.load(sys.argv[2]))
np.savez_compressed(sys.argv[1] + '.again.npz', **loaded)
`;
    python.run(script, path, inFolder('ours.npy'));
    expect(readFileSync(inFolder('ours.npy.again.npy'))).toEqual(readFileSync(inFolder('ours.npy')));
    const back = await loadNpz(`${path}.again.npz`);
    for (const [name, value] of Object.entries(values)) {
      expect(toBuffer(back[name]!)).toEqual(toBuffer(value));
    }
  });
});
