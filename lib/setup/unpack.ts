import { createWriteStream } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { openPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import { SetupError } from '../base/errors';
import type { Report } from './report';

export interface UnpackOptions {
  /** Says where an entry goes, relative to the target folder; `undefined` leaves it out. */
  readonly place: (entryName: string) => string | undefined;
  readonly title: string;
  readonly report: Report;
}

/**
 * Unpacks a zip file (a Python wheel is one) into a folder, checking the size and checksum of every file.
 *
 * @returns The number of files written.
 * @throws ERR_SETUP when the file is no zip file, is truncated or damaged, or an entry points out of the folder.
 */
export async function unpackZip(archive: string, folder: string, options: UnpackOptions): Promise<number> {
  try {
    return await unpackAll(archive, folder, options);
  } catch (cause) {
    if (cause instanceof SetupError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SetupError(`libtorch: ${archive} could not be unpacked: ${reason}. Run the set-up again.`, {
      cause,
    });
  }
}

async function unpackAll(archive: string, folder: string, options: UnpackOptions): Promise<number> {
  // The entries are listed first, so that the bar knows the total.
  const listing = await openPromise(archive, { autoClose: false });
  try {
    const chosen: { entry: Entry; path: string }[] = [];
    let total = 0;
    for await (const entry of listing.eachEntry()) {
      const place = entry.fileName.endsWith('/') ? undefined : options.place(entry.fileName);
      if (place === undefined) continue;
      chosen.push({ entry, path: inside(folder, place) });
      total += entry.uncompressedSize;
    }
    const progress = options.report.progress(options.title, total, 'MB');
    let done = 0;
    try {
      for (const { entry, path } of chosen) {
        await writeEntry(listing, entry, path, (count) => {
          done += count;
          progress.update(done);
        });
      }
    } finally {
      progress.stop();
    }
    return chosen.length;
  } finally {
    listing.close();
  }
}

function inside(folder: string, place: string): string {
  const path = resolve(folder, place);
  if (path.startsWith(resolve(folder) + sep)) return path;
  throw new SetupError(`libtorch: the archive's entry ${JSON.stringify(place)} points out of its folder.`);
}

async function writeEntry(
  zip: ZipFile,
  entry: Entry,
  path: string,
  onBytes: (count: number) => void,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  let checksum = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      checksum = crc32(chunk, checksum);
      onBytes(chunk.length);
      callback(null, chunk);
    },
  });
  const mode = (entry.externalFileAttributes >>> 16) & 0o777;
  await pipeline(await zip.openReadStreamPromise(entry), check, createWriteStream(path));
  if (checksum !== entry.crc32) throw new Error(`the checksum of ${entry.fileName} is wrong`);
  if ((mode & 0o100) !== 0) await chmod(path, 0o755);
}
