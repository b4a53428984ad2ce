import { constants } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ArgumentError, FormatError } from '../base/errors';
import { systemReason } from '../base/system-error';

/** Where bytes come from: `read` gives up to `length` of the next bytes; none, or `null`, at the end. */
export interface ByteSource {
  read(length: number): Uint8Array | null;
}

/** A source whose bytes are new with every call, and that knows how many there are left. */
interface OwnSource extends ByteSource {
  remaining(): number;
}

/** So that a damaged header cannot make a reader ask for more memory than there are bytes. */
const pieceBytes = 1 << 24;

/** Reads from a source and knows how far; never asks the source for more than was asked of it. */
export class ByteReader {
  private readonly source: ByteSource;
  /** What is read, for error messages. */
  readonly name: string;
  /** The number of bytes that were read so far. */
  position = 0;

  constructor(source: ByteSource, name: string) {
    this.source = source;
    this.name = name;
  }

  /**
   * The next `length` bytes, which nobody else holds.
   *
   * @throws ERR_FORMAT if the source ends before.
   */
  read(length: number): Uint8Array {
    if (length > constants.MAX_LENGTH) {
      throw new FormatError(`expected at most ${constants.MAX_LENGTH} bytes in one piece, got ${length}`);
    }
    return isOwn(this.source) ? this.readWhole(length, this.source) : this.readPieces(length);
  }

  private readWhole(length: number, source: OwnSource): Uint8Array {
    const remaining = source.remaining();
    if (remaining < length) throw ended(length, remaining);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const piece = source.read(Math.min(length - at, pieceBytes));
      if (piece === null || piece.length === 0) throw ended(length, at);
      bytes.set(piece, at);
      at += piece.length;
      this.position += piece.length;
    }
    return bytes;
  }

  private readPieces(length: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = this.source.read(Math.min(missing, pieceBytes));
      if (piece === null || piece.length === 0) throw ended(length, length - missing);
      if (piece.length > missing) {
        throw new ArgumentError(
          `expected read(${missing}) to give at most as many bytes, got ${piece.length}`,
        );
      }
      pieces.push(piece);
      missing -= piece.length;
      this.position += piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** Whether the source has no byte left; if it has one, that byte is lost. */
  takeEnd(): boolean {
    const piece = this.source.read(1);
    return piece === null || piece.length === 0;
  }
}

function ended(length: number, got: number): FormatError {
  return new FormatError(`expected ${length} more bytes, got the end of the data after ${got}`);
}

function isOwn(source: ByteSource): source is OwnSource {
  return typeof (source as Partial<OwnSource>).remaining === 'function';
}

/** A source over bytes in memory; what it gives are views of them. */
export function sourceOfBytes(bytes: Uint8Array): ByteSource {
  let at = 0;
  return {
    read: (length) => {
      const piece = bytes.subarray(at, at + length);
      at += piece.length;
      return piece;
    },
  };
}

/** A source over an open file, from its current position on; leaves it after the last byte that was read. */
export function sourceOfFile(file: number): ByteSource {
  return {
    read: (length) => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, null));
    },
  };
}

/** A source over a regular file that was just opened. */
function sourceOfWholeFile(file: number, byteCount: number): OwnSource {
  const source = sourceOfFile(file);
  let remaining = byteCount;
  return {
    read: (length) => {
      const piece = source.read(length);
      remaining -= piece?.length ?? 0;
      return piece;
    },
    remaining: () => remaining,
  };
}

/**
 * Opens a file, hands a source over it to `body`, and closes it.
 *
 * @throws ERR_ARGUMENT if there is no such file or it cannot be read; `cause` is Node's error.
 */
export function withFileSource<T>(path: string, op: string, body: (source: ByteSource) => T): T {
  const { file, byteCount } = openToRead(path, op);
  try {
    return body(byteCount === undefined ? sourceOfFile(file) : sourceOfWholeFile(file, byteCount));
  } finally {
    closeSync(file);
  }
}

/**
 * Opens a file for reading. The caller closes it.
 *
 * @returns its descriptor, and its size if it is a regular file.
 * @throws ERR_ARGUMENT if there is no such file or it cannot be read; `cause` is Node's error.
 */
export function openToRead(path: string, op: string): { file: number; byteCount: number | undefined } {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new ArgumentError(
      `${op}: expected a file that can be read, got ${systemReason(cause)} at ${path}.`,
      { op, cause },
    );
  }
  const stats = fstatSync(file);
  if (stats.isDirectory()) {
    closeSync(file);
    throw new ArgumentError(`${op}: expected a file that can be read, got the folder ${path}.`, { op });
  }
  return { file, byteCount: stats.isFile() ? stats.size : undefined };
}
