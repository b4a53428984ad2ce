import type { ByteSink } from './atomic-write';
import { checksumOf } from './checksum';

/**
 * Writes a zip archive of uncompressed entries, as `numpy.savez` does: the same bytes every time, with the sizes of
 * zip64 where they are needed. Not by a library: those write to streams, and a file here is written before the call ends.
 *
 * @see APPNOTE.TXT 6.3.9 (PKWARE), sections 4.3 and 4.5.3.
 */
export class ZipWriter {
  private readonly sink: ByteSink;
  private readonly central: Buffer[] = [];
  private position = 0;

  constructor(sink: ByteSink) {
    this.sink = sink;
  }

  /** Adds an entry. `pieces` is asked twice: for the checksum, which stands before the content, and for the content. */
  add(name: string, pieces: () => Iterable<Uint8Array>): void {
    let checksum = 0;
    let byteCount = 0;
    for (const piece of pieces()) {
      checksum = checksumOf(piece, checksum);
      byteCount += piece.length;
    }
    const entry = { name: Buffer.from(name), checksum, byteCount, start: this.position };
    this.write(localHeader(entry));
    for (const piece of pieces()) this.write(piece);
    this.central.push(centralHeader(entry));
  }

  /** Writes the directory. */
  end(): void {
    const start = this.position;
    for (const header of this.central) this.write(header);
    this.write(endOfDirectory(this.central.length, this.position - start, start));
  }

  private write(bytes: Uint8Array): void {
    if (bytes.length > 0) this.sink.write(bytes);
    this.position += bytes.length;
  }
}

interface Entry {
  readonly name: Buffer;
  readonly checksum: number;
  readonly byteCount: number;
  readonly start: number;
}

const max32 = 0xffffffff;
const max16 = 0xffff;
/** 1980-01-01, the earliest date there is. */
const date = 0x21;
const utf8Names = 0x800;

function isLarge({ byteCount, start }: Entry): boolean {
  return byteCount >= max32 || start >= max32;
}

/** What the local and the central header have in common: the version needed up to the length of the name. */
function sharedFields(entry: Entry, extraBytes: number): Buffer {
  const bytes = Buffer.alloc(26);
  bytes.writeUInt16LE(isLarge(entry) ? 45 : 20, 0);
  bytes.writeUInt16LE(utf8Names, 2);
  bytes.writeUInt16LE(date, 8);
  bytes.writeUInt32LE(entry.checksum, 10);
  const size = isLarge(entry) ? max32 : entry.byteCount;
  bytes.writeUInt32LE(size, 14);
  bytes.writeUInt32LE(size, 18);
  bytes.writeUInt16LE(entry.name.length, 22);
  bytes.writeUInt16LE(extraBytes, 24);
  return bytes;
}

/** The sizes, and in the directory the place, in 64 bits. */
function largeFields(entry: Entry, withStart: boolean): Buffer {
  if (!isLarge(entry)) return Buffer.alloc(0);
  const bytes = Buffer.alloc(withStart ? 28 : 20);
  bytes.writeUInt16LE(1, 0);
  bytes.writeUInt16LE(bytes.length - 4, 2);
  bytes.writeBigUInt64LE(BigInt(entry.byteCount), 4);
  bytes.writeBigUInt64LE(BigInt(entry.byteCount), 12);
  if (withStart) bytes.writeBigUInt64LE(BigInt(entry.start), 20);
  return bytes;
}

function localHeader(entry: Entry): Buffer {
  const extra = largeFields(entry, false);
  return Buffer.concat([signature('\x03\x04'), sharedFields(entry, extra.length), entry.name, extra]);
}

function centralHeader(entry: Entry): Buffer {
  const extra = largeFields(entry, true);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(isLarge(entry) ? max32 : entry.start, 10);
  const madeBy = Buffer.from([45, 0]);
  return Buffer.concat([
    signature('\x01\x02'),
    madeBy,
    sharedFields(entry, extra.length),
    rest,
    entry.name,
    extra,
  ]);
}

function endOfDirectory(count: number, byteCount: number, start: number): Buffer {
  const end = Buffer.alloc(18);
  end.writeUInt16LE(Math.min(count, max16), 4);
  end.writeUInt16LE(Math.min(count, max16), 6);
  end.writeUInt32LE(Math.min(byteCount, max32), 8);
  end.writeUInt32LE(Math.min(start, max32), 12);
  const plain = Buffer.concat([signature('\x05\x06'), end]);
  if (count < max16 && byteCount < max32 && start < max32) return plain;
  const large = Buffer.alloc(52);
  large.writeBigUInt64LE(44n, 0);
  large.writeUInt16LE(45, 8);
  large.writeUInt16LE(45, 10);
  large.writeBigUInt64LE(BigInt(count), 20);
  large.writeBigUInt64LE(BigInt(count), 28);
  large.writeBigUInt64LE(BigInt(byteCount), 36);
  large.writeBigUInt64LE(BigInt(start), 44);
  const locator = Buffer.alloc(16);
  locator.writeBigUInt64LE(BigInt(start + byteCount), 4);
  locator.writeUInt32LE(1, 12);
  return Buffer.concat([signature('\x06\x06'), large, signature('\x06\x07'), locator, plain]);
}

function signature(kind: string): Buffer {
  return Buffer.from(`PK${kind}`, 'latin1');
}
