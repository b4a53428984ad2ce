/** Whole numbers below a bound, the same ones for the same seed (mulberry32). */
function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

const telling = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x28, 0x2e, 0x30, 0x39, 0x5d, 0x7d];

/** Copies of a file with one to four kinds of damage each: bytes changed, cut, doubled, moved; the end lost or added to. */
export function* mutations(whole: Uint8Array, count: number, seed: number): Iterable<Uint8Array> {
  const below = numbers(seed);
  for (let i = 0; i < count; i++) {
    let bytes: Buffer = Buffer.from(whole);
    for (let n = below(3); n >= 0; n--) bytes = damaged(bytes, below);
    yield bytes;
  }
}

function damaged(bytes: Buffer, below: (bound: number) => number): Buffer {
  const at = below(bytes.length + 1);
  const length = below(16) + 1;
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (below(7)) {
    case 0:
      return Buffer.concat([before, Buffer.of(below(256)), after.subarray(1)]);
    case 1:
      return Buffer.concat([before, Buffer.of(telling[below(telling.length)] ?? 0), after.subarray(1)]);
    case 2:
      return Buffer.concat([before, Buffer.alloc(length, below(2) * 255), after.subarray(length)]);
    case 3:
      return Buffer.concat([before, after.subarray(length)]);
    case 4:
      return Buffer.concat([before, after.subarray(0, length), after]);
    case 5:
      return Buffer.from(below(4) === 0 ? before : Buffer.concat([bytes, before.subarray(0, length)]));
    default: {
      const other = bytes.subarray(below(bytes.length + 1)).subarray(0, length);
      return Buffer.concat([before, other, after.subarray(other.length)]);
    }
  }
}
