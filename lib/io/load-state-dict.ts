import { Complex } from '../base/complex';
import { dtypeInfo, type DType } from '../base/dtype';
import { FormatError } from '../base/errors';
import { requireOptions } from '../base/options';
import { conjPhysical, neg, to } from '../ops';
import type { Tensor } from '../tensor/tensor';
import { checksumOf } from './checksum';
import { pathOf, withRandomFile } from './random-file';
import type { StateDict } from './state-dict';
import { tensorFromFile, tensorOfBytes } from './tensor-data';
import { DTypeRef, readTorchPickle, requireWithin, StorageRef, TensorRef } from './torch-pickle';
import { withArchive, type Archive, type ArchiveEntry } from './zip-archive';

export interface LoadStateDictOptions {
  /** Where the tensors go, wherever they were. The CPU unless given. */
  readonly device?: string | undefined;
  /**
   * Whether the content is compared with its checksums. True unless given; false for files that were saved without any
   * (`torch.serialization.set_crc32_options(False)`).
   */
  readonly verifyChecksums?: boolean | undefined;
}

/** How `torch.save` began before it wrote zip archives (torch 1.6): a pickle of this number. */
const legacyStart = Buffer.from('80028a0a6cfc9c46f9206aa85019', 'hex');
/** No state dict is nested deeper, and what is read is walked by functions that call themselves. */
const maxDepth = 100;
/** Lists may hold one another many times over; a tree that they span must stay one that can be walked. */
const maxLeaves = 1e7;

/**
 * Loads a file of PyTorch's `torch.save` (`.pt`, `.pth`, `.bin`): a state dict, or any nest of dicts, lists, tensors and
 * plain values. Its pickle is read as data, by an allow-list: nothing in the file is ever run.
 *
 * Dicts become objects (a `Map` where a key is no string), lists and tuples arrays, integers beyond 2^53 bigints, dtypes
 * and devices strings, parameters tensors. Tensors that share memory in the file share it here.
 *
 * @param path  the file.
 * @returns what was saved. Say what you expect with the type argument; `fromStateDict` checks it against a model.
 * @throws ERR_FORMAT if the file is damaged, in the format from before torch 1.6, a TorchScript program, or refers to
 *   anything but tensors and plain values: the message names what. ERR_ARGUMENT if it cannot be read; ERR_DEVICE.
 * @example
 * const model = io.fromStateDict(net, await io.loadStateDict('weights.pt'));
 * const { model: dict, epoch } = await io.loadStateDict<{ model: io.StateDict; epoch: number }>('run.pt');
 * @see torch.load with weights_only=True (2.13.0).
 */
export async function loadStateDict<T = StateDict>(
  path: string | URL,
  options: LoadStateDictOptions = {},
): Promise<T> {
  const op = 'loadStateDict';
  requireOptions(options, ['device', 'verifyChecksums'], op);
  const file = pathOf(path, op);
  refuseLegacy(file, op);
  return withArchive(file, op, { verifyChecksums: options.verifyChecksums }, async (archive) => {
    try {
      return (await load(archive, options.device ?? 'cpu')) as T;
    } catch (cause) {
      if (!(cause instanceof FormatError) || cause.op !== undefined) throw cause;
      throw new FormatError(`${op}: ${cause.message} in ${file}.`, { op, cause });
    }
  });
}

function refuseLegacy(path: string, op: string): void {
  withRandomFile(path, op, (file) => {
    const start = Buffer.alloc(Math.min(file.byteCount, legacyStart.length));
    file.readInto(start, 0);
    if (!start.equals(legacyStart)) return;
    throw new FormatError(
      `${op}: expected a zip archive, got the format that PyTorch wrote before 1.6 in ${path}. ` +
        'Load it in Python and save it again with torch.save.',
      { op },
    );
  });
}

async function load(archive: Archive, device: string): Promise<unknown> {
  const pickles = [...archive.entries.values()].filter(({ name }) => /^([^/]+\/)?data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1) {
    throw new FormatError(`expected one data.pkl in the archive, got ${pickles.length}`);
  }
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  if (archive.entries.has(`${folder}constants.pkl`)) {
    throw new FormatError('expected a state dict, got a TorchScript program (see loadTorchScript)');
  }
  const value = readTorchPickle(await pickle.read());
  refuseDeep(value);
  const memory = new Memory(archive, folder, device, await isBigEndian(archive, folder));
  await memory.load(value);
  return new Reader(memory).read(value);
}

async function isBigEndian(archive: Archive, folder: string): Promise<boolean> {
  const entry = archive.entries.get(`${folder}byteorder`);
  if (entry === undefined || entry.byteCount > 10) return false;
  const order = (await entry.read()).toString('latin1');
  if (order === 'little' || order === 'big') return order === 'big';
  throw new FormatError(`expected the byte order little or big, got ${JSON.stringify(order)}`);
}

function childrenOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.keys(), ...value.values()];
  return value instanceof Set ? [...value] : [];
}

/** Refuses what holds itself, is nested too deep, or would be too large a tree. */
function refuseDeep(root: unknown): void {
  const counts = new Map<unknown, number>();
  const count = (value: unknown, depth: number): number => {
    const known = counts.get(value);
    if (known !== undefined) return known;
    const children = childrenOf(value);
    if (children.length === 0) return 1;
    if (depth > maxDepth) {
      throw new FormatError(`expected values nested at most ${maxDepth} deep, got deeper ones, or a cycle`);
    }
    let leaves = 0;
    for (const child of children) leaves += count(child, depth + 1);
    if (leaves > maxLeaves) throw new FormatError(`expected at most ${maxLeaves} values, got more`);
    counts.set(value, leaves);
    return leaves;
  };
  count(root, 0);
}

function referencesIn(root: unknown): Set<TensorRef | StorageRef> {
  const found = new Set<TensorRef | StorageRef>();
  const seen = new Set<unknown>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof TensorRef || value instanceof StorageRef) found.add(value);
    else for (const child of childrenOf(value)) walk(child);
  };
  walk(root);
  return found;
}

/** The storages of an archive, each loaded once for every dtype that it is seen as. */
class Memory {
  private readonly archive: Archive;
  private readonly folder: string;
  private readonly device: string;
  private readonly bigEndian: boolean;
  private readonly loaded = new Map<string, Tensor>();

  constructor(archive: Archive, folder: string, device: string, bigEndian: boolean) {
    this.archive = archive;
    this.folder = folder;
    this.device = device;
    this.bigEndian = bigEndian;
  }

  /** Loads all that a value refers to. */
  async load(root: unknown): Promise<void> {
    for (const found of referencesIn(root)) {
      if (found instanceof TensorRef) await this.add(found.storage, found.dtype);
      else await this.add(found, found.dtype ?? 'uint8');
    }
  }

  /** All of a storage, as it was loaded. */
  get(storage: StorageRef, dtype: DType): Tensor {
    const tensor = this.loaded.get(`${storage.key} ${dtype}`);
    if (tensor === undefined) throw new FormatError(`expected the storage ${storage.key}, got none`);
    return tensor;
  }

  private async add(storage: StorageRef, dtype: DType): Promise<void> {
    const key = `${storage.key} ${dtype}`;
    if (this.loaded.has(key)) return;
    const entry = this.archive.entries.get(`${this.folder}data/${storage.key}`);
    const expected = storage.size * dtypeInfo(storage.dtype ?? 'uint8').itemBytes;
    const { itemBytes } = dtypeInfo(dtype);
    if (entry?.byteCount !== expected || expected % itemBytes !== 0) {
      throw new FormatError(
        `expected ${expected} bytes for the storage ${storage.key} of ${dtype}, ` +
          `got ${entry === undefined ? 'no such file in the archive' : entry.byteCount}`,
      );
    }
    const flat = await this.readEntry(entry, dtype, expected / itemBytes);
    this.loaded.set(key, this.device === 'cpu' ? flat : to(flat, { device: this.device }));
  }

  private async readEntry(entry: ArchiveEntry, dtype: DType, size: number): Promise<Tensor> {
    const { position } = entry;
    const { bigEndian } = this;
    if (position === undefined) return tensorOfBytes(await entry.read(), [size], dtype, bigEndian);
    let checksum = 0;
    const onBytes = (piece: Uint8Array): void => {
      checksum = checksumOf(piece, checksum);
    };
    const tensor = tensorFromFile(this.archive.file, { position, dtype, shape: [size], bigEndian, onBytes });
    this.archive.check(entry, checksum);
    return tensor;
  }
}

/** Makes of what a pickle says what a user gets. What occurs twice is made once. */
class Reader {
  private readonly memory: Memory;
  private readonly made = new Map<unknown, unknown>();

  constructor(memory: Memory) {
    this.memory = memory;
  }

  read(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const known = this.made.get(value);
    if (known !== undefined) return known;
    const made = this.make(value);
    this.made.set(value, made);
    return made;
  }

  private make(value: object): unknown {
    if (value instanceof TensorRef) return this.tensor(value);
    if (value instanceof StorageRef) return this.memory.get(value, value.dtype ?? 'uint8');
    if (value instanceof DTypeRef) return value.dtype;
    if (Array.isArray(value)) return value.map((item) => this.read(item));
    if (value instanceof Set) return new Set([...value].map((item) => this.read(item)));
    if (value instanceof Map) return this.dict(value as Map<unknown, unknown>);
    if (value instanceof Uint8Array || value instanceof Complex) return value;
    throw new FormatError('expected tensors and plain values, got a function or a class');
  }

  private dict(value: ReadonlyMap<unknown, unknown>): unknown {
    const entries = [...value].map(([key, item]): [unknown, unknown] => [this.read(key), this.read(item)]);
    return entries.every((entry): entry is [string, unknown] => typeof entry[0] === 'string')
      ? Object.fromEntries(entries)
      : new Map(entries);
  }

  private tensor(ref: TensorRef): Tensor {
    const { storage, dtype, offset, shape, strides } = ref;
    const flat = this.memory.get(storage, dtype);
    requireWithin(ref, flat.size);
    const view = flat.asStrided(shape, strides, offset);
    const conjugated = ref.isConjugate ? conjPhysical(view) : view;
    return ref.isNegative ? neg(conjugated) : conjugated;
  }
}
