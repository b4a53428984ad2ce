import { closeSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ArgumentError, FormatError } from '../base/errors';
import { systemReason } from '../base/system-error';
import { openToRead } from './byte-source';

/** A file that is read at any place. */
export interface RandomFile {
  /** The path, for error messages. */
  readonly name: string;
  readonly byteCount: number;
  /**
   * Fills `bytes` with what stands at `position`.
   *
   * @throws ERR_FORMAT if the file ends before; ERR_ARGUMENT if it cannot be read.
   */
  readInto(bytes: Uint8Array, position: number): void;
}

/** A path as Node's functions take it. */
export function pathOf(path: string | URL, op: string): string {
  if (path instanceof URL) {
    if (path.protocol === 'file:') return fileURLToPath(path);
    throw new ArgumentError(`${op}: expected a path or a file URL, got ${path.href}. Download it first.`, {
      op,
    });
  }
  if (typeof path === 'string' && path !== '') return path;
  const got = typeof path === 'string' ? 'an empty string' : `a value of type ${typeof path}`;
  throw new ArgumentError(`${op}: expected a path, got ${got}.`, { op });
}

/**
 * Opens a file to read at any place. The caller closes it.
 *
 * @throws ERR_ARGUMENT if there is no such file, it cannot be read, or is no regular file.
 */
export function openRandomFile(path: string, op: string): RandomFile & { close(): void } {
  const { file, byteCount } = openToRead(path, op);
  if (byteCount === undefined) {
    closeSync(file);
    throw new ArgumentError(`${op}: expected a regular file, got a pipe or a device at ${path}.`, { op });
  }
  return {
    name: path,
    byteCount,
    readInto: (bytes, position) => {
      for (let at = 0; at < bytes.length;) {
        const count = readAt(file, bytes, at, position + at, op, path);
        if (count === 0) {
          throw new FormatError(
            `${op}: expected ${bytes.length} bytes at byte ${position}, got the end of ${path} after ${at}.`,
            { op },
          );
        }
        at += count;
      }
    },
    close: () => {
      closeSync(file);
    },
  };
}

function readAt(
  file: number,
  bytes: Uint8Array,
  at: number,
  position: number,
  op: string,
  path: string,
): number {
  try {
    return readSync(file, bytes, at, bytes.length - at, position);
  } catch (cause) {
    throw new ArgumentError(
      `${op}: expected a file that can be read, got ${systemReason(cause)} at ${path}.`,
      { op, cause },
    );
  }
}

/** Opens a file, hands it to `body`, and closes it. */
export function withRandomFile<T>(path: string, op: string, body: (file: RandomFile) => T): T {
  const file = openRandomFile(path, op);
  try {
    return body(file);
  } finally {
    file.close();
  }
}
