import { Complex } from '../base/complex';
import { dtypes, type DType } from '../base/dtype';
import { FormatError } from '../base/errors';
import { PickleGlobal, readPickle } from './pickle';
import { describeArray, isPossibleShape, sizeOf } from './tensor-data';

/** A block of memory of an archive that tensors are views of. */
export class StorageRef {
  /** The name of its file in the archive's folder `data`. */
  readonly key: string;
  /** What it was said to hold; `undefined` for bytes of any type. */
  readonly dtype: DType | undefined;
  /** Its size in elements, or in bytes where it has no type. */
  readonly size: number;

  constructor(key: string, dtype: DType | undefined, size: number) {
    this.key = key;
    this.dtype = dtype;
    this.size = size;
  }
}

/** A tensor of an archive: a view of a storage. */
export class TensorRef {
  readonly storage: StorageRef;
  readonly dtype: DType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  /** Whether the values are the conjugates, or the negatives, of what is stored. */
  readonly isConjugate: boolean;
  readonly isNegative: boolean;

  constructor(
    storage: StorageRef,
    dtype: DType,
    [offset, shape, strides]: readonly [number, readonly number[], readonly number[]],
    metadata: ReadonlyMap<unknown, unknown>,
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
    this.isConjugate = metadata.get('conj') === true;
    this.isNegative = metadata.get('neg') === true;
  }
}

/** A type of storage, as an id of one names it. */
class StorageType {
  readonly dtype: DType | undefined;
  constructor(dtype: DType | undefined) {
    this.dtype = dtype;
  }
}

/** A dtype by its name, `torch.float32`. */
export class DTypeRef {
  readonly dtype: DType;
  constructor(dtype: DType) {
    this.dtype = dtype;
  }
}

const storageTypes: readonly (readonly [string, DType])[] = [
  ['FloatStorage', 'float32'],
  ['DoubleStorage', 'float64'],
  ['HalfStorage', 'float16'],
  ['BFloat16Storage', 'bfloat16'],
  ['ByteStorage', 'uint8'],
  ['CharStorage', 'int8'],
  ['ShortStorage', 'int16'],
  ['IntStorage', 'int32'],
  ['LongStorage', 'int64'],
  ['BoolStorage', 'bool'],
  ['ComplexFloatStorage', 'complex64'],
  ['ComplexDoubleStorage', 'complex128'],
];

/**
 * Reads the pickle of a file of `torch.save`. The list below is all that it may speak of.
 *
 * @returns plain values, with `TensorRef`, `StorageRef` and `DTypeRef` where tensors, storages and dtypes stand.
 * @throws ERR_FORMAT as `readPickle` does, and for arguments that the named functions do not have.
 * @see torch._weights_only_unpickler (2.13.0), which has a list like this one.
 */
export function readTorchPickle(bytes: Uint8Array): unknown {
  return readPickle(bytes, { find: torchGlobal, persistent: storageOf });
}

/** What a name on the list stands for. */
export function torchGlobal(name: string): unknown {
  return allowed.get(name);
}

/**
 * Throws ERR_FORMAT unless all elements lie within a storage.
 *
 * @param size  the storage's elements, of the tensor's dtype.
 */
export function requireWithin({ storage, dtype, offset, shape, strides }: TensorRef, size: number): void {
  const last = shape.reduce((at, length, axis) => at + (length - 1) * (strides[axis] ?? 0), offset);
  if (sizeOf(shape) > 0 ? last < size : offset <= size) return;
  throw new FormatError(
    `expected a view within the ${size} elements of the storage ${storage.key}, ` +
      `got ${describeArray(dtype, shape)} with strides [${strides.join(',')}] from ${offset} on`,
  );
}

/** The storage that an id stands for. */
export function storageOf(id: unknown): StorageRef {
  const [kind, type, key, location, size] = Array.isArray(id) ? (id as readonly unknown[]) : [];
  const fits =
    kind === 'storage' &&
    type instanceof StorageType &&
    typeof key === 'string' &&
    /^[\w-]{1,100}$/.test(key) &&
    typeof location === 'string' &&
    isCount(size);
  if (!fits) throw new FormatError('expected the id of a storage in the pickle, got something else');
  return new StorageRef(key, type.dtype, size);
}

const allowed: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...storageTypes.flatMap(([name, dtype]): [string, unknown][] => [
    [`torch.${name}`, new StorageType(dtype)],
    [`torch.cuda.${name}`, new StorageType(dtype)],
  ]),
  ['torch.storage.UntypedStorage', new StorageType(undefined)],
  ['torch.UntypedStorage', new StorageType(undefined)],
  ...dtypes.map((dtype): [string, unknown] => [`torch.${dtype}`, new DTypeRef(dtype)]),
  callable('torch._utils._rebuild_tensor', (args) => rebuilt(args, 'v1')),
  callable('torch._utils._rebuild_tensor_v2', (args) => rebuilt(args, 'v2')),
  callable('torch._utils._rebuild_tensor_v3', (args) => rebuilt(args, 'v3')),
  callable('torch._utils._rebuild_parameter', ([data]) => tensorIn(data)),
  callable('torch._utils._rebuild_parameter_with_state', ([data]) => tensorIn(data)),
  callable('torch._tensor._rebuild_from_type_v2', ([target, type, args]) => {
    const isKnown = target instanceof PickleGlobal && type instanceof PickleGlobal && Array.isArray(args);
    if (!isKnown || target.call === undefined) throw badCall('torch._tensor._rebuild_from_type_v2');
    return tensorIn(target.call(args));
  }),
  ['torch.Tensor', new PickleGlobal('torch.Tensor')],
  ['torch.nn.parameter.Parameter', new PickleGlobal('torch.nn.parameter.Parameter')],
  callable('torch.Size', ([sizes = []]) => Array.from(listIn(sizes, 'torch.Size'))),
  callable('torch.device', ([type, index]) => {
    if (typeof type !== 'string') throw badCall('torch.device');
    return typeof index === 'number' ? `${type}:${index}` : type;
  }),
  callable('collections.OrderedDict', (args) => dictOf(args, 'collections.OrderedDict')),
  callable('collections.Counter', (args) => dictOf(args, 'collections.Counter')),
  callable('collections.defaultdict', () => new Map()),
  ...['builtins', '__builtin__'].flatMap((module): [string, unknown][] => [
    callable(`${module}.set`, ([items = []]) => new Set(listIn(items, 'set'))),
    callable(`${module}.frozenset`, ([items = []]) => new Set(listIn(items, 'frozenset'))),
    callable(`${module}.complex`, ([re, im]) => {
      if (typeof re !== 'number' || typeof im !== 'number') throw badCall('complex');
      return new Complex(re, im);
    }),
    // What a defaultdict makes of what is missing.
    ...['list', 'dict', 'int', 'float'].map((name): [string, unknown] => [
      `${module}.${name}`,
      new PickleGlobal(`${module}.${name}`),
    ]),
  ]),
  // How protocol 2 writes bytes.
  callable('_codecs.encode', ([text, encoding]) => {
    if (typeof text !== 'string' || encoding !== 'latin1') throw badCall('_codecs.encode');
    return new Uint8Array(Buffer.from(text, 'latin1'));
  }),
]);

function callable(name: string, call: (args: readonly unknown[]) => unknown): [string, PickleGlobal] {
  return [name, new PickleGlobal(name, call)];
}

function badCall(name: string): FormatError {
  return new FormatError(`expected the arguments of ${name} in the pickle, got others`);
}

function listIn(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw badCall(name);
  return value;
}

function dictOf([pairs = []]: readonly unknown[], name: string): Map<unknown, unknown> {
  if (pairs instanceof Map) return new Map(pairs);
  const entries = listIn(pairs, name).map((pair): [unknown, unknown] => {
    const [key, value] = listIn(pair, name);
    return [key, value];
  });
  return new Map(entries);
}

function tensorIn(value: unknown): TensorRef {
  if (value instanceof TensorRef) return value;
  throw new FormatError('expected a tensor in the pickle, got something else');
}

/** v1: storage, offset, size, stride; v2: requires_grad, hooks, metadata; v3: requires_grad, hooks, dtype, metadata. */
function rebuilt(args: readonly unknown[], version: 'v1' | 'v2' | 'v3'): TensorRef {
  const [storage, offset, shape, strides] = args;
  const metadata = version === 'v1' ? undefined : args[version === 'v2' ? 6 : 7];
  const dtype =
    version === 'v3'
      ? args[6] instanceof DTypeRef && args[6].dtype
      : storage instanceof StorageRef && storage.dtype;
  const fits =
    storage instanceof StorageRef &&
    typeof dtype === 'string' &&
    isCount(offset) &&
    isCounts(shape) &&
    isCounts(strides) &&
    shape.length === strides.length &&
    isPossibleShape(shape);
  if (!fits) throw badCall(`torch._utils._rebuild_tensor_${version}`);
  return new TensorRef(
    storage,
    dtype,
    [offset, shape, strides],
    metadata instanceof Map ? (metadata as Map<unknown, unknown>) : new Map(),
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}
