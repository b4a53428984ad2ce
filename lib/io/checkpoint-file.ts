import { FormatError } from '../base/errors';
import type { ByteSink } from './atomic-write';
import { checksumOf } from './checksum';
import { treeDeserialiseLeaves } from './eqx';
import { withRandomFile, type RandomFile } from './random-file';

/**
 * NOTE [checkpoint layout]: a checkpoint is one file, `step-000000001200.ckpt`, so that a rename makes it whole: a line of
 * JSON (format, version, step, metric, and the length and CRC-32 of what follows), a line feed, and the leaves as
 * `treeSerialiseLeaves` writes them. A file of another name, such as a temporary one that a killed process left, is none.
 * Python reads one with `file.readline()` and `equinox.tree_deserialise_leaves(file, like)`.
 */
interface Header {
  readonly format: 'equinode-checkpoint';
  readonly version: 1;
  readonly step: number;
  readonly metric: number | null;
  readonly byteCount: number;
  readonly checksum: number;
}

/** What there is of a checkpoint without its tree. */
export interface CheckpointInfo {
  readonly step: number;
  readonly metric: number | undefined;
  readonly path: string;
}

const maxHeaderBytes = 1000;

/** The length and the checksum of what is written to it. */
export class Summary implements ByteSink {
  byteCount = 0;
  checksum = 0;

  write(bytes: Uint8Array): void {
    this.byteCount += bytes.length;
    this.checksum = checksumOf(bytes, this.checksum);
  }
}

/** The line before the leaves. */
export function headerBytes(step: number, metric: number | undefined, leaves: Summary): Uint8Array {
  const { byteCount, checksum } = leaves;
  const header: Header = {
    format: 'equinode-checkpoint',
    version: 1,
    step,
    metric: metric ?? null,
    byteCount,
    checksum,
  };
  return Buffer.from(`${JSON.stringify(header)}\n`);
}

/** What the header says, or `undefined` if it is damaged. */
export function infoOf(path: string): CheckpointInfo | undefined {
  try {
    const { step, metric } = withRandomFile(
      path,
      'Checkpointer',
      (file) => readHeader(file, 'Checkpointer').header,
    );
    return { step, metric: metric ?? undefined, path };
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function readHeader(file: RandomFile, op: string): { readonly header: Header; readonly start: number } {
  const bytes = Buffer.alloc(Math.min(maxHeaderBytes, file.byteCount));
  file.readInto(bytes, 0);
  const end = bytes.indexOf(0x0a);
  const header = end < 0 ? undefined : parseHeader(bytes.toString('utf8', 0, end));
  if (header === undefined) {
    const got = JSON.stringify(bytes.toString('latin1', 0, 40));
    throw new FormatError(`${op}: expected a checkpoint of version 1, got ${got} in ${file.name}.`, { op });
  }
  return { header, start: end + 1 };
}

function parseHeader(text: string): Header | undefined {
  let value: Partial<Header> | null;
  try {
    value = JSON.parse(text) as Partial<Header> | null;
  } catch {
    return undefined;
  }
  const isCount = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= 0;
  const fits =
    value?.format === 'equinode-checkpoint' &&
    value.version === 1 &&
    isCount(value.step) &&
    isCount(value.byteCount) &&
    isCount(value.checksum) &&
    (value.metric === null || typeof value.metric === 'number');
  return fits ? (value as Header) : undefined;
}

/** Throws ERR_FORMAT unless the file is the one that was written. */
export function requireSound(path: string, op: string): void {
  withRandomFile(path, op, (file) => {
    const { header, start } = readHeader(file, op);
    if (file.byteCount - start !== header.byteCount) {
      throw new FormatError(
        `${op}: expected ${header.byteCount} bytes after the header, got ${file.byteCount - start} in ${path}.`,
        { op },
      );
    }
    const piece = Buffer.allocUnsafe(Math.min(1 << 20, header.byteCount));
    let checksum = 0;
    for (let at = start; at < file.byteCount; at += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, file.byteCount - at));
      file.readInto(part, at);
      checksum = checksumOf(part, checksum);
    }
    if (checksum !== header.checksum) {
      throw new FormatError(
        `${op}: expected the checksum ${header.checksum.toString(16)}, got ${checksum.toString(16)} in ${path}.`,
        { op },
      );
    }
  });
}

/** The leaves after the header, in a tree like `like`. */
export function readTree<T>(path: string, like: T, op: string): T {
  return withRandomFile(path, op, (file) => {
    let at = readHeader(file, op).start;
    const source = {
      read: (length: number) => {
        const bytes = Buffer.allocUnsafeSlow(Math.min(length, file.byteCount - at));
        file.readInto(bytes, at);
        at += bytes.length;
        return bytes;
      },
    };
    try {
      return treeDeserialiseLeaves(source, like);
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause;
      const reason = cause.message
        .replace('treeDeserialiseLeaves: ', '')
        .replace(/of the source/g, `of ${path}`);
      throw new FormatError(`${op}: ${reason}`, { op, cause });
    }
  });
}
