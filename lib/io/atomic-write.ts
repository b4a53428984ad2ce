import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ArgumentError } from '../base/errors';
import { systemReason } from '../base/system-error';

/** Where bytes go: a file that is being written, a buffer, or the user's own. */
export interface ByteSink {
  write(bytes: Uint8Array): unknown;
}

/**
 * Writes a file so that there is never half a file: everything goes to a temporary file in the same folder, which
 * is synced to the disk and then takes the name. If anything fails, the temporary file is removed and what was at
 * `path` before is untouched. Links are followed, an existing file's permissions are kept, and what is no regular
 * file (a pipe, `/dev/stdout`) is written in place.
 *
 * @param path  the file.
 * @param op  the public function's name, for error messages.
 * @param body  writes the content. Its own exceptions pass through.
 * @throws ERR_ARGUMENT if the folder is missing or cannot be written, or `path` is a folder; `cause` is Node's error.
 */
export function atomicWrite(path: string, op: string, body: (sink: ByteSink) => void): void {
  const old = asked(op, path, () => statSync(path, { throwIfNoEntry: false }));
  if (old?.isDirectory() === true) {
    throw new ArgumentError(`${op}: expected the path of a file, got the folder ${path}.`, { op });
  }
  if (old !== undefined && !old.isFile()) {
    const file = asked(op, path, () => openSync(path, 'w'));
    try {
      body({
        write: (bytes) => {
          writeAll(file, bytes, op, path);
        },
      });
    } finally {
      closeSync(file);
    }
    return;
  }
  replaceFile(followed(path), old, op, body);
}

function replaceFile(path: string, old: Stats | undefined, op: string, body: (sink: ByteSink) => void): void {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path).slice(0, 100)}.${randomUUID()}.tmp`);
  const file = asked(op, path, () => openSync(temporary, 'wx'));
  let done = false;
  try {
    try {
      body({
        write: (bytes) => {
          writeAll(file, bytes, op, path);
        },
      });
      asked(op, path, () => {
        fsyncSync(file);
      });
    } finally {
      closeSync(file);
    }
    asked(op, path, () => {
      if (old !== undefined) chmodSync(temporary, old.mode & 0o7777);
      renameSync(temporary, path);
    });
    done = true;
  } finally {
    if (!done) rmSync(temporary, { force: true });
  }
  syncFolder(folder);
}

/** Writes all of `bytes` to a file descriptor, which may take them in pieces. */
export function writeAll(file: number, bytes: Uint8Array, op: string, path: string): void {
  asked(op, path, () => {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
  });
}

/** The file that `path` names in the end, so that a link to a file stays a link. */
function followed(path: string): string {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink && statSync(path, { throwIfNoEntry: false }) !== undefined ? realpathSync(path) : path;
}

/** Makes the new name itself survive a power cut; some file systems cannot, and that is no failure of the write. */
export function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {
    return;
  }
}

function asked<T>(op: string, path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw new ArgumentError(
      `${op}: expected a place that can be written, got ${systemReason(cause)} at ${path}.`,
      {
        op,
        cause,
      },
    );
  }
}
