import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ArgumentError, FormatError } from '../base/errors';
import { systemReason } from '../base/system-error';

/** Where bytes come from: `read` gives up to `length` of the next bytes; none, or `null`, at the end. */
export interface ByteSource {
  read(length: number): Uint8Array | null;
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
   * The next `length` bytes.
   *
   * @throws ERR_FORMAT if the source ends before.
   */
  read(length: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = this.source.read(Math.min(missing, pieceBytes));
      if (piece === null || piece.length === 0) {
        throw new FormatError(
          `expected ${length} more bytes, got the end of the data after ${length - missing}`,
        );
      }
      if (piece.length > missing) {
        throw new ArgumentError(
          `expected read(${missing}) to give at most as many bytes, got ${piece.length}`,
        );
      }
      pieces.push(piece);
      missing -= piece.length;
      this.position += piece.length;
    }
    return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  }

  /** Whether the source has no byte left; if it has one, that byte is lost. */
  takeEnd(): boolean {
    const piece = this.source.read(1);
    return piece === null || piece.length === 0;
  }
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

/**
 * Opens a file, hands a source over it to `body`, and closes it.
 *
 * @throws ERR_ARGUMENT if there is no such file or it cannot be read; `cause` is Node's error.
 */
export function withFileSource<T>(path: string, op: string, body: (source: ByteSource) => T): T {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new ArgumentError(
      `${op}: expected a file that can be read, got ${systemReason(cause)} at ${path}.`,
      {
        op,
        cause,
      },
    );
  }
  try {
    if (fstatSync(file).isDirectory()) {
      throw new ArgumentError(`${op}: expected a file that can be read, got the folder ${path}.`, { op });
    }
    return body(sourceOfFile(file));
  } finally {
    closeSync(file);
  }
}
