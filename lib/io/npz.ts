import { dtypeInfo } from '../base/dtype';
import { ArgumentError, FormatError } from '../base/errors';
import { requireOptions } from '../base/options';
import { Tensor } from '../tensor/tensor';
import { atomicWrite } from './atomic-write';
import { checksumOf } from './checksum';
import { describeHeader, npyElement, npyPrefix, readNpyHeader, type NpyHeader } from './npy';
import { pathOf, withRandomFile, type RandomFile } from './random-file';
import { atTensor, namedTensors, type StateDict } from './state-dict';
import { sizeOf, tensorFromFile, tensorPieces } from './tensor-data';
import { withArchive, type Archive, type ArchiveEntry } from './zip-archive';
import { ZipWriter } from './zip-writer';

export interface LoadNpzOptions {
  /** The most bytes that compressed arrays may grow to, together: 2^30 unless given. */
  readonly maxBytes?: number | undefined;
}

/** The most bytes that zip has for a name, less those of `.npy`. */
const longestName = 0xffff - 4;

/**
 * Saves a tensor as an `.npy` file. bfloat16, which NumPy does not know, becomes the two-byte type `V2`, as in JAX.
 *
 * @param path  the file; it is replaced only when everything was written and synced.
 * @throws ERR_ARGUMENT for what is no tensor, or a place that cannot be written.
 * @see numpy.save: the same bytes.
 */
export function saveNpy(path: string | URL, value: Tensor): void {
  const op = 'saveNpy';
  if (!((value as unknown) instanceof Tensor)) {
    throw new ArgumentError(`${op}: expected a tensor, got ${typeof value}.`, { op });
  }
  atomicWrite(pathOf(path, op), op, (sink) => {
    atTensor(op, [], () => {
      for (const piece of npyPieces(value)) sink.write(piece);
    });
  });
}

/**
 * Loads an `.npy` file: any order of axes and bytes, versions 1 to 3.
 *
 * @returns a tensor on the CPU.
 * @throws ERR_FORMAT if the file is truncated, malformed, longer than its header says, or holds what no tensor can:
 *   strings, dates, records, Python objects (which are pickles, and never run). ERR_ARGUMENT if it cannot be read.
 * @see numpy.load.
 */
export function loadNpy(path: string | URL): Tensor {
  const op = 'loadNpy';
  return withRandomFile(pathOf(path, op), op, (file) =>
    readNpy(file, 0, file.byteCount, op, file.name, undefined),
  );
}

/**
 * Saves the tensors of a tree as an uncompressed `.npz` archive. What is no tensor is not saved.
 *
 * @param path  the file; it is replaced only when everything was written and synced.
 * @param tree  a tree, named as by `stateDict`; or an object of tensors by name.
 * @throws ERR_ARGUMENT for names that occur twice or that no file can have, and a place that cannot be written;
 *   ERR_DISPOSED naming the leaf.
 * @example
 * io.saveNpz('data.npz', { images, labels });
 * @see numpy.savez.
 */
export function saveNpz(path: string | URL, tree: unknown): void {
  const op = 'saveNpz';
  const entries = namedTensors(tree, op);
  for (const { name } of entries) {
    const isLong = Buffer.byteLength(name) > longestName;

    if (name !== '' && !isLong && !/^\/|\\|\0|(^|\/)\.\.(\/|$)|^[a-zA-Z]:/.test(name)) continue;
    const got = isLong ? `one of ${Buffer.byteLength(name)} bytes` : JSON.stringify(name);
    throw new ArgumentError(
      `${op}: expected names that a file in an archive can have, got ${got}. Pass an object of tensors by name.`,
      { op },
    );
  }
  atomicWrite(pathOf(path, op), op, (sink) => {
    const zip = new ZipWriter(sink);
    for (const { name, path: at, tensor } of entries) {
      atTensor(op, at, () => {
        zip.add(`${name}.npy`, () => npyPieces(tensor));
      });
    }
    zip.end();
  });
}

/**
 * Loads an `.npz` archive, compressed or not.
 *
 * @returns the tensors by name, on the CPU.
 * @throws ERR_FORMAT if the archive is damaged, would grow beyond `maxBytes`, or an array is none that `loadNpy` loads;
 *   ERR_ARGUMENT if it cannot be read, or for an option out of its range.
 * @example
 * const { images, labels } = await io.loadNpz('data.npz');
 * @see numpy.load. Difference: asynchronous, since decompression is.
 */
export async function loadNpz(path: string | URL, options: LoadNpzOptions = {}): Promise<StateDict> {
  const op = 'loadNpz';
  requireOptions(options, ['maxBytes'], op);
  const { maxBytes } = options;
  if (
    maxBytes !== undefined &&
    !((maxBytes as unknown) === Infinity || (Number.isSafeInteger(maxBytes) && maxBytes >= 0))
  ) {
    throw new ArgumentError(
      `${op}: expected maxBytes to be a whole number from 0 on, got ${String(maxBytes)}.`,
      { op },
    );
  }
  return withArchive(pathOf(path, op), op, { maxBytes }, async (archive) => {
    const { file, entries } = archive;
    const loaded: [string, Tensor][] = [];
    for (const entry of entries.values()) {
      const where = `${entry.name} of ${file.name}`;
      if (!entry.name.endsWith('.npy')) {
        throw new FormatError(`${op}: expected arrays (.npy) in the archive, got ${where}.`, { op });
      }
      const tensor =
        entry.position === undefined
          ? readNpy(fileOfBytes(await entry.read(), where), 0, entry.byteCount, op, where, undefined)
          : readStored(entry, entry.position, op, where, archive);
      loaded.push([entry.name.slice(0, -'.npy'.length), tensor]);
    }
    return Object.fromEntries(loaded);
  });
}

function* npyPieces(value: Tensor): Iterable<Uint8Array> {
  yield npyPrefix(value.dtype, value.shape);
  yield* tensorPieces(value);
}

function readStored(
  entry: ArchiveEntry,
  position: number,
  op: string,
  where: string,
  archive: Archive,
): Tensor {
  let checksum = 0;
  const tensor = readNpy(archive.file, position, entry.byteCount, op, where, (piece) => {
    checksum = checksumOf(piece, checksum);
  });
  archive.check(entry, checksum);
  return tensor;
}

/** Reads an array that fills `byteCount` bytes from `start` on. */
function readNpy(
  file: RandomFile,
  start: number,
  byteCount: number,
  op: string,
  where: string,
  onBytes: ((piece: Uint8Array) => void) | undefined,
): Tensor {
  let position = start;
  let header: NpyHeader;
  try {
    header = readNpyHeader((length) => {
      if (position + length > start + byteCount) {
        throw new FormatError(`expected an NPY header, got the end of the data`);
      }
      const bytes = Buffer.alloc(length);
      file.readInto(bytes, position);
      onBytes?.(bytes);
      position += length;
      return bytes;
    });
  } catch (cause) {
    if (!(cause instanceof FormatError) || cause.op !== undefined) throw cause;
    throw new FormatError(`${op}: ${cause.message} in ${where}.`, { op, cause });
  }
  const element = npyElement(header.descr);
  if (element === undefined) {
    throw new FormatError(
      `${op}: expected elements that tensors can have, got ${describeHeader(header)} in ${where}.`,
      { op },
    );
  }
  const { shape, fortranOrder } = header;
  const expected = sizeOf(shape) * dtypeInfo(element.dtype).itemBytes;
  const found = start + byteCount - position;
  if (found !== expected) {
    throw new FormatError(
      `${op}: expected ${expected} bytes for ${describeHeader(header)}, got ${found} in ${where}.`,
      { op },
    );
  }
  return tensorFromFile(file, { position, shape, fortranOrder, ...element, onBytes });
}

function fileOfBytes(content: Buffer, name: string): RandomFile {
  return {
    name,
    byteCount: content.length,
    readInto: (bytes, position) => {
      content.copy(bytes, 0, position, position + bytes.length);
    },
  };
}
