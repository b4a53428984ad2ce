import { once } from 'node:events';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { EquinodeError, FormatError } from '../base/errors';
import { checksumOf } from './checksum';
import { openRandomFile, type RandomFile } from './random-file';

/** A file in a zip archive. */
export interface ArchiveEntry {
  readonly name: string;
  /** The size of the content. */
  readonly byteCount: number;
  /** Where the content stands in the archive, if it is not compressed. */
  readonly position: number | undefined;
  readonly checksum: number;
  /**
   * The content, checked against its checksum, in memory that nobody else holds.
   *
   * @throws ERR_FORMAT if it is damaged.
   */
  read(): Promise<Buffer>;
}

export interface Archive {
  readonly file: RandomFile;
  readonly entries: ReadonlyMap<string, ArchiveEntry>;
  /** Throws ERR_FORMAT unless a checksum is the entry's. */
  check(entry: ArchiveEntry, checksum: number): void;
}

export interface ArchiveOptions {
  /** The most that compressed entries may grow to, together. */
  readonly maxBytes?: number | undefined;
  /** Whether the content is compared with its checksums. */
  readonly verifyChecksums?: boolean | undefined;
}

/** Compressed data may grow a thousandfold; what is stored as it is cannot be larger than the file. */
const defaultMaxBytes = 2 ** 30;
const maxEntryCount = 1 << 17;
const stored = 0;
const deflated = 8;

/**
 * Opens a zip archive, hands it to `body`, and closes it. Nothing is ever unpacked to the disk.
 *
 * @throws ERR_FORMAT if the file is no zip archive, is truncated or damaged; entries overlap, have names that lead out of
 *   a folder, occur twice, are encrypted, or would grow beyond `maxBytes`. ERR_ARGUMENT if it cannot be read.
 */
export async function withArchive<T>(
  path: string,
  op: string,
  options: ArchiveOptions,
  body: (archive: Archive) => Promise<T>,
): Promise<T> {
  const file = openRandomFile(path, op);
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(path, { autoClose: false, strictFileNames: true });
    return await body(await list(zip, file, op, options));
  } catch (cause) {
    if (cause instanceof EquinodeError) throw cause;
    const reason = (cause as { message?: unknown }).message;
    throw new FormatError(
      `${op}: expected a zip archive, got ${typeof reason === 'string' ? reason : String(cause)} in ${path}.`,
      { op, cause },
    );
  } finally {
    zip?.close();
    file.close();
  }
}

async function list(zip: ZipFile, file: RandomFile, op: string, options: ArchiveOptions): Promise<Archive> {
  const { maxBytes = defaultMaxBytes, verifyChecksums = true } = options;
  const fail = (expected: string, got: string): FormatError =>
    new FormatError(`${op}: expected ${expected}, got ${got} in ${file.name}.`, { op });
  if (zip.entryCount > maxEntryCount) {
    throw fail(`at most ${maxEntryCount} files in the archive`, `${zip.entryCount}`);
  }
  const check = ({ name, checksum }: ArchiveEntry, found: number): void => {
    if (verifyChecksums && found !== checksum) {
      throw fail(`the checksum ${checksum.toString(16)} for ${quoted(name)}`, found.toString(16));
    }
  };
  const entries = new Map<string, ArchiveEntry>();
  const ranges: { readonly name: string; readonly start: number; readonly end: number }[] = [];
  let grown = 0;
  for await (const entry of zip.eachEntry()) {
    const { fileName: name, compressionMethod: method } = entry;
    if (name.endsWith('/')) continue;
    if (entries.has(name)) throw fail('each name once in the archive', `${quoted(name)} again`);
    if (entry.isEncrypted())
      throw fail('an archive without encryption', `${quoted(name)}, which is encrypted`);
    if (method !== stored && method !== deflated) {
      throw fail('files that are stored or deflated', `${quoted(name)} with method ${method}`);
    }
    grown += method === deflated ? entry.uncompressedSize : 0;
    if (grown > maxBytes) {
      throw fail(
        `compressed files of at most ${maxBytes} bytes together (see \`maxBytes\`)`,
        `${grown} up to ${quoted(name)}`,
      );
    }
    const { fileDataStart: start } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const end = start + entry.compressedSize;
    if (end > file.byteCount) throw fail(`a file of at least ${end} bytes`, `${file.byteCount}`);
    if (entry.compressedSize > 0) ranges.push({ name, start, end });
    const listed: ArchiveEntry = {
      name,
      byteCount: entry.uncompressedSize,
      position: method === stored ? start : undefined,
      checksum: entry.crc32,
      read: async () => {
        const content = method === stored ? readStored(file, start, entry) : await inflate(zip, entry, fail);
        check(listed, checksumOf(content));
        return content;
      },
    };
    entries.set(name, listed);
  }
  ranges.sort((a, b) => a.start - b.start);
  let previous = ranges[0];
  for (const range of ranges.slice(1)) {
    if (previous !== undefined && range.start < previous.end) {
      throw fail('files that do not overlap', `${quoted(range.name)} within ${quoted(previous.name)}`);
    }
    previous = range;
  }
  return { file, entries, check };
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}

function readStored(file: RandomFile, start: number, entry: Entry): Buffer {
  const content = Buffer.allocUnsafeSlow(entry.uncompressedSize);
  file.readInto(content, start);
  return content;
}

async function inflate(
  zip: ZipFile,
  entry: Entry,
  fail: (expected: string, got: string) => FormatError,
): Promise<Buffer> {
  // Memory that is never written to is never taken, so that a size that is a lie costs nothing.
  const content = Buffer.allocUnsafeSlow(entry.uncompressedSize);
  const stream = await zip.openReadStreamPromise(entry);
  let at = 0;
  stream.on('data', (piece: Buffer) => {
    // yauzl stops what grows beyond its size.
    piece.copy(content, at);
    at += piece.length;
  });
  await once(stream, 'end');
  if (at !== content.length) throw fail(`${content.length} bytes in ${quoted(entry.fileName)}`, `${at}`);
  return content;
}
