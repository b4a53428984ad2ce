import { writeFileSync } from 'node:fs';
import { ZipWriter } from '../../lib/io/zip-writer';

/** Operations of a pickle, by the names that Python's pickletools give them. */
export const op = {
  global: (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`),
  text: (text: string): Buffer => {
    const bytes = Buffer.from(text);
    return Buffer.concat([Buffer.from('X'), uint(bytes.length, 4), bytes]);
  },
  int: (value: number): Buffer => {
    const bytes = Buffer.alloc(9);
    bytes.writeBigInt64LE(BigInt(value), 1);
    bytes[0] = 8;
    return Buffer.concat([Buffer.of(0x8a), bytes]);
  },
  tuple: (...items: readonly Buffer[]): Buffer =>
    Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]),
  list: (...items: readonly Buffer[]): Buffer =>
    Buffer.concat([Buffer.from(']('), ...items, Buffer.from('e')]),
  dict: (...items: readonly Buffer[]): Buffer =>
    Buffer.concat([Buffer.from('}('), ...items, Buffer.from('u')]),
  call: (target: Buffer, ...args: readonly Buffer[]): Buffer =>
    Buffer.concat([target, op.tuple(...args), Buffer.from('R')]),
  put: (index: number): Buffer => Buffer.of(0x71, index),
  get: (index: number): Buffer => Buffer.of(0x68, index),
  none: Buffer.from('N'),
  false: Buffer.of(0x89),
};

function uint(value: number, byteCount: number): Buffer {
  const bytes = Buffer.alloc(byteCount);
  bytes.writeUIntLE(value, 0, byteCount);
  return bytes;
}

/** The pickle of one value, of protocol 2. */
export function pickleOf(...operations: readonly (Buffer | string)[]): Buffer {
  const body = operations.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part));
  return Buffer.concat([Buffer.of(0x80, 2), ...body, Buffer.from('.')]);
}

/** The operations of a tensor: a view of a storage of float32. */
export function tensorOp(
  key: string,
  size: number,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): Buffer {
  const id = op.tuple(
    op.text('storage'),
    op.global('torch', 'FloatStorage'),
    op.text(key),
    op.text('cpu'),
    op.int(size),
  );
  return op.call(
    op.global('torch._utils', '_rebuild_tensor_v2'),
    Buffer.concat([id, Buffer.from('Q')]),
    op.int(offset),
    op.tuple(...shape.map(op.int)),
    op.tuple(...strides.map(op.int)),
    op.false,
    op.none,
  );
}

/** Writes a zip archive with the right checksums. */
export function writeArchive(path: string, files: Readonly<Record<string, Uint8Array>>): string {
  const pieces: Uint8Array[] = [];
  const zip = new ZipWriter({ write: (bytes) => pieces.push(bytes) });
  for (const [name, content] of Object.entries(files)) zip.add(name, () => [content]);
  zip.end();
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

/** Writes a file of torch.save. */
export function writeTorchFile(
  path: string,
  pickle: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
): string {
  const data = Object.entries(storages).map(([key, bytes]) => [`archive/data/${key}`, bytes] as const);
  return writeArchive(path, { 'archive/data.pkl': pickle, ...Object.fromEntries(data) });
}
