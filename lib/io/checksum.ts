import { crc32 } from 'node:zlib';

/** The CRC-32 of bytes that follow others, whose checksum is `before`. Node 20 forgets `before` where there are none. */
export function checksumOf(bytes: Uint8Array, before = 0): number {
  return bytes.length === 0 ? before : crc32(bytes, before);
}
