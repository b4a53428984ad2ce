import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An IDX file of bytes, as the format's description lays it out. */
export function idxOfBytes(shape: readonly number[], data: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt8(8, 2);
  header.writeUInt8(shape.length, 3);
  shape.forEach((length, axis) => header.writeUInt32BE(length, 4 + 4 * axis));
  return Buffer.concat([header, Uint8Array.from(data)]);
}

/** Writes the four files of a small MNIST: image i shows a block whose place tells its digit, i modulo 10. */
export function writeSmallMnist(folder: string, trainCount: number, testCount: number): void {
  mkdirSync(folder, { recursive: true });
  for (const [part, count] of [
    ['train', trainCount],
    ['t10k', testCount],
  ] as const) {
    const pixels = new Uint8Array(count * 28 * 28);
    for (let image = 0; image < count; image++) {
      const digit = image % 10;
      const corner = image * 784 + (digit < 5 ? 3 : 16) * 28 + (digit % 5) * 5 + 1;
      for (let row = 0; row < 9; row++) {
        pixels.fill(200 + (image % 50), corner + 28 * row, corner + 28 * row + 4);
      }
    }
    const labels = Array.from({ length: count }, (_, image) => image % 10);
    writeFileSync(join(folder, `${part}-images-idx3-ubyte`), idxOfBytes([count, 28, 28], pixels));
    writeFileSync(join(folder, `${part}-labels-idx1-ubyte`), idxOfBytes([count], labels));
  }
}
