import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError, DtypeError, FormatError } from '../base/errors';
import { requireOptions } from '../base/options';
import { to } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { atPath } from '../tree';
import { atomicWrite, type ByteSink } from './atomic-write';
import { pathOf, withRandomFile, type RandomFile } from './random-file';
import { atTensor, namedTensors, type NamedTensor, type StateDict } from './state-dict';
import { describeArray, isPossibleShape, sizeOf, tensorFromFile, tensorPieces } from './tensor-data';

/**
 * NOTE [safetensors layout]: the length of the header (uint64 little-endian), the header (JSON: for each tensor its
 * dtype, shape and `data_offsets` [begin, end) counted from the header's end; `__metadata__` with strings; spaces up
 * to a multiple of 8 bytes), and the elements, which cover the rest without holes or overlaps. Tensors are written as
 * the reference implementation does: by alignment, the largest first, then by name.
 * See https://github.com/huggingface/safetensors (v0.8.0), safetensors/src/tensor.rs.
 */
const names: readonly (readonly [string, DType])[] = [
  ['U64', 'uint64'],
  ['I64', 'int64'],
  ['F64', 'float64'],
  ['C64', 'complex64'],
  ['F32', 'float32'],
  ['U32', 'uint32'],
  ['I32', 'int32'],
  ['BF16', 'bfloat16'],
  ['F16', 'float16'],
  ['U16', 'uint16'],
  ['I16', 'int16'],
  ['I8', 'int8'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
];
const dtypeByName: ReadonlyMap<string, DType> = new Map(names);
const nameByDType: ReadonlyMap<DType, string> = new Map(names.map(([name, dtype]) => [dtype, name]));
const rankByDType: ReadonlyMap<DType, number> = new Map(names.map(([, dtype], rank) => [dtype, rank]));

/** The reference implementation reads no larger ones either. */
const maxHeaderBytes = 100_000_000;

export interface SaveSafetensorsOptions {
  /** Strings that are kept in the header. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** What a safetensors file holds, without the elements. */
export interface SafetensorsInfo {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order in which they lie in the file. A dtype that tensors do not have here is safetensors' own name. */
  readonly tensors: Readonly<Record<string, { readonly dtype: string; readonly shape: readonly number[] }>>;
}

export interface LoadSafetensorsOptions {
  /** Which tensors to load, by name. All unless given. */
  readonly only?: ((name: string) => boolean) | undefined;
  /** Where they go. The CPU unless given. */
  readonly device?: string | undefined;
}

/**
 * Saves the tensors of a tree as a safetensors file, which every framework reads. What is no tensor (functions,
 * numbers, strings) is not saved.
 *
 * @param path  the file; it is replaced only when everything was written and synced.
 * @param tree  a tree, named as by `stateDict`: `layers.0.weight`; or an object of tensors by name.
 * @throws ERR_DTYPE for complex128, which the format does not have; ERR_ARGUMENT for metadata that are no strings,
 *   names that occur twice, and a place that cannot be written; ERR_DISPOSED naming the leaf.
 * @example
 * io.saveSafetensors('model.safetensors', model, { metadata: { epoch: '3' } });
 * @see safetensors.torch.save_file (0.8.0): the same bytes.
 */
export function saveSafetensors(
  path: string | URL,
  tree: unknown,
  options: SaveSafetensorsOptions = {},
): void {
  const op = 'saveSafetensors';
  requireOptions(options, ['metadata'], op);
  const entries = namedTensors(tree, op).sort(byAlignment);
  const header: Record<string, unknown> = emptyObject();
  const { metadata } = options;
  if (metadata !== undefined) header['__metadata__'] = checkMetadata(metadata, op);
  let end = 0;
  for (const { name, path: at, tensor } of entries) {
    if (name === '__metadata__') {
      throw new ArgumentError(`${op}: expected another name than "__metadata__"${atPath(at)}.`, { op });
    }
    atTensor(op, at, () => {
      const { dtype, shape, nbytes } = tensor;
      const code = nameByDType.get(dtype);
      if (code === undefined) {
        throw new DtypeError(`expected a dtype that safetensors files can hold, got ${dtype}`);
      }
      header[name] = { dtype: code, shape, data_offsets: [end, end + nbytes] };
      end += nbytes;
    });
  }
  atomicWrite(pathOf(path, op), op, (sink) => {
    sink.write(headerBytes(header));
    for (const entry of entries) writeElements(sink, entry, op);
  });
}

function writeElements(sink: ByteSink, entry: NamedTensor, op: string): void {
  atTensor(op, entry.path, () => {
    for (const piece of tensorPieces(entry.tensor)) sink.write(piece);
  });
}

function byAlignment(a: NamedTensor, b: NamedTensor): number {
  const difference = rank(a) - rank(b);
  return difference === 0 ? Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)) : difference;
}

function rank({ tensor }: NamedTensor): number {
  return rankByDType.get(tensor.dtype) ?? names.length;
}

/** An object in which every name is an ordinary one, `__proto__` too. */
function emptyObject<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

function checkMetadata(metadata: Readonly<Record<string, string>>, op: string): Record<string, string> {
  const checked = emptyObject<string>();
  for (const [key, value] of Object.entries<unknown>(metadata)) {
    if (typeof value !== 'string') {
      throw new ArgumentError(
        `${op}: expected metadata to be strings, got ${typeof value} for ${JSON.stringify(key)}.`,
        { op },
      );
    }
    checked[key] = value;
  }
  return checked;
}

function headerBytes(header: object): Uint8Array {
  const text = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  text.copy(bytes, 8);
  return bytes;
}

/**
 * What a safetensors file holds: names, dtypes, shapes and metadata. Reads the header only.
 *
 * @throws as `loadSafetensors` does.
 * @see safetensors.safe_open.
 */
export function safetensorsInfo(path: string | URL): SafetensorsInfo {
  const op = 'safetensorsInfo';
  return withRandomFile(pathOf(path, op), op, (file) => {
    const { metadata, entries } = readHeader(file, op);
    return {
      metadata,
      tensors: Object.fromEntries(
        entries.map(({ name, code, shape }) => [name, { dtype: dtypeByName.get(code) ?? code, shape }]),
      ),
    };
  });
}

/**
 * Loads the tensors of a safetensors file. Each is read straight into the memory that it keeps, so that loading takes
 * no more memory than the tensors do.
 *
 * @returns the tensors by name, in the order in which they lie in the file. `fromStateDict` puts them into a model.
 * @throws ERR_FORMAT if the file is truncated or malformed: a header that is too large or no such header, elements that
 *   overlap, leave holes or do not fit their shapes; or a chosen tensor has a dtype that there is none for here.
 *   ERR_ARGUMENT if it cannot be read, or for unknown options; ERR_DEVICE.
 * @example
 * const model = io.fromStateDict(new Net(key), io.loadSafetensors('model.safetensors'));
 * @see safetensors.torch.load_file.
 */
export function loadSafetensors(path: string | URL, options: LoadSafetensorsOptions = {}): StateDict {
  const op = 'loadSafetensors';
  requireOptions(options, ['only', 'device'], op);
  const { only = () => true, device = 'cpu' } = options;
  if (typeof (only as unknown) !== 'function') {
    throw new ArgumentError(`${op}: expected \`only\` to be a function of a name, got ${typeof only}.`, {
      op,
    });
  }
  return withRandomFile(pathOf(path, op), op, (file) => {
    const { entries, dataStart } = readHeader(file, op);
    const chosen = entries.filter(({ name }) => only(name));
    for (const { name, code } of chosen) {
      if (dtypeByName.has(code)) continue;
      throw new FormatError(
        `${op}: expected a dtype that tensors can have, got ${code} for ${JSON.stringify(name)} in ${file.name}. ` +
          'Leave it out with `only`.',
        { op },
      );
    }
    return Object.fromEntries(
      chosen.map(({ name, code, shape, begin }): [string, Tensor] => {
        const dtype = dtypeByName.get(code) ?? 'uint8';
        const loaded = tensorFromFile(file, { position: dataStart + begin, dtype, shape });
        return [name, device === 'cpu' ? loaded : to(loaded, { device })];
      }),
    );
  });
}

interface HeaderEntry {
  readonly name: string;
  readonly code: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: readonly HeaderEntry[];
  readonly dataStart: number;
}

function readHeader(file: RandomFile, op: string): Header {
  const fail = (expected: string, got: string): FormatError =>
    new FormatError(`${op}: expected ${expected}, got ${got} in ${file.name}.`, { op });
  if (file.byteCount < 8) throw fail('a safetensors file', `${file.byteCount} bytes`);
  const start = Buffer.alloc(8);
  file.readInto(start, 0);
  const length = start.readBigUInt64LE(0);
  const most = BigInt(Math.min(maxHeaderBytes, file.byteCount - 8));
  if (length > most) {
    throw fail(`a safetensors header of at most ${most} bytes`, `one of ${length} bytes`);
  }
  const bytes = Buffer.alloc(Number(length));
  file.readInto(bytes, 8);
  const dataStart = 8 + bytes.length;
  const parsed = parseFlatJson(bytes);
  if (parsed === undefined) {
    throw fail('a safetensors header in JSON', JSON.stringify(bytes.toString('latin1', 0, 40)));
  }
  const { json, keyCount } = parsed;
  // Readers do not agree on which of two counts, so that one might check what another loads.
  if (keysIn(json) !== keyCount) throw fail('each key of the safetensors header once', 'one twice');
  const { __metadata__: metadata = {}, ...rest } = json;
  if (!isStrings(metadata)) throw fail('__metadata__ to be strings by name', 'something else');
  const entries = Object.entries(rest).map(([name, value]) => {
    const entry = checkEntry(name, value);
    if (entry === undefined) {
      throw fail(
        `dtype, shape and data_offsets for ${JSON.stringify(name.slice(0, 100))}`,
        JSON.stringify(value).slice(0, 200),
      );
    }
    return entry;
  });
  checkRanges(entries, file.byteCount - dataStart, fail);
  return { metadata, entries, dataStart };
}

/**
 * A JSON object nested at most three deep, which is all that a header needs; deeper ones cost memory. With how many keys
 * are written there.
 */
function parseFlatJson(
  bytes: Buffer,
): { readonly json: Record<string, unknown>; readonly keyCount: number } | undefined {
  let keyCount = 0;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > 3) return undefined;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
    else if (byte === 0x3a) keyCount++;
  }
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isObject(value) ? { json: value, keyCount } : undefined;
  } catch {
    return undefined;
  }
}

/** How many keys all objects have, together. */
function keysIn(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + keysIn(item), 0);
  if (!isObject(value)) return 0;
  return Object.values(value).reduce<number>((sum, item) => sum + 1 + keysIn(item), 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);
}

function checkEntry(name: string, value: unknown): HeaderEntry | undefined {
  if (!isObject(value)) return undefined;
  const { dtype: code, shape, data_offsets: offsets } = value;
  if (typeof code !== 'string' || !/^[A-Z0-9_]{1,20}$/.test(code)) return undefined;
  if (!isCounts(shape) || !isPossibleShape(shape) || !isCounts(offsets) || offsets.length !== 2) {
    return undefined;
  }
  const [begin = 0, end = 0] = offsets;
  return begin > end ? undefined : { name, code, shape, begin, end };
}

/** Together the tensors must be all of the data, each with as many bytes as its shape says. */
function checkRanges(
  entries: HeaderEntry[],
  dataBytes: number,
  fail: (expected: string, got: string) => FormatError,
): void {
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, code, shape, begin, end } of entries) {
    const quoted = JSON.stringify(name.slice(0, 100));
    if (begin !== at) {
      throw fail(
        `the elements of ${quoted} to begin at byte ${at} of the data, after those before`,
        `${begin < at ? 'an overlap' : 'a hole'}: they begin at byte ${begin}`,
      );
    }
    const dtype = dtypeByName.get(code);
    const expected = dtype === undefined ? end - begin : sizeOf(shape) * dtypeInfo(dtype).itemBytes;
    if (end - begin !== expected) {
      throw fail(
        `${expected} bytes for ${quoted}, ${describeArray(dtype ?? code, shape)}`,
        `a range of ${end - begin} bytes`,
      );
    }
    at = end;
  }
  if (at !== dataBytes) throw fail(`${at} bytes of elements, as the header says`, `${dataBytes}`);
}
