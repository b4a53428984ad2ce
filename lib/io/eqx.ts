import { extname } from 'node:path';
import { ArgumentError, EquinodeError, errorOf, FormatError } from '../base/errors';
import { requireOptions } from '../base/options';
import { atPath, flatten, flattenUpTo, flattenWithPath, leafPaths, unflatten, type Path } from '../tree';
import { Tensor } from '../tensor/tensor';
import { atomicWrite, writeAll, type ByteSink } from './atomic-write';
import { ByteReader, sourceOfBytes, sourceOfFile, withFileSource, type ByteSource } from './byte-source';
import { leafFromBlob, leafToBlob } from './leaf-blob';
import { pathOf } from './random-file';
import { describeMismatch, MismatchError } from './mismatch';

/** Saves one leaf, or writes nothing to leave it out. */
export type SerialiseLeaf = (file: ByteSink, leaf: unknown) => void;

/** What a filter reads from: exactly the bytes it asks for, or an error. */
export interface LeafSource {
  /** @throws ERR_FORMAT if there are fewer than `length` bytes left. */
  read(length: number): Uint8Array;
}

/** Loads one leaf in place of the given one, or returns the given one. */
export type DeserialiseLeaf = (file: LeafSource, like: unknown) => unknown;

export interface SerialiseOptions {
  /** How each leaf is saved: a function, or a tree of functions that is a prefix of the tree. */
  readonly filterSpec?: SerialiseLeaf | object;
  readonly isLeaf?: (node: unknown) => boolean;
}

export interface DeserialiseOptions {
  /** How each leaf is loaded: a function, or a tree of functions that is a prefix of `like`. */
  readonly filterSpec?: DeserialiseLeaf | object;
  readonly isLeaf?: (node: unknown) => boolean;
  /** Whether something else may follow the leaves. False unless given. */
  readonly allowTrailing?: boolean;
}

/**
 * Saves tensors, typed arrays, numbers, bigints, booleans and complex numbers in NumPy's NPY format, one after
 * another; anything else (strings, functions, objects) is not saved.
 *
 * @see equinox.default_serialise_filter_spec. A JavaScript number is saved as a Python float; Python reads it
 *   into an int as well.
 */
export function defaultSerialiseFilterSpec(file: ByteSink, leaf: unknown): void {
  for (const bytes of leafToBlob(leaf)) if (bytes.length > 0) file.write(bytes);
}

/**
 * Loads what `defaultSerialiseFilterSpec`, or Equinox's, saved in place of `like`; what it does not save is kept.
 *
 * @returns a tensor on `like`'s device, or a value of `like`'s type. A number may have been a Python float or int.
 * @throws ERR_FORMAT if the file holds another kind, shape or dtype than `like`.
 * @see equinox.default_deserialise_filter_spec.
 */
export function defaultDeserialiseFilterSpec(file: LeafSource, like: unknown): unknown {
  const isOwn = file instanceof ByteReader;
  return leafFromBlob((length) => (isOwn ? file.read(length) : new Uint8Array(file.read(length))), like);
}

/**
 * Saves the leaves of a tree to a file that Equinox reads, and reads what Equinox saved.
 *
 * The structure, static fields, functions and strings are not in the file: loading takes them from `like`.
 *
 * @param target  a path (a string or a file URL; without a suffix it gets `.eqx`), a file descriptor, or an object
 *   with `write(bytes)`. A path is replaced only when everything was written and synced; to the others nothing is
 *   written before every leaf was converted.
 * @param tree  the tree.
 * @throws ERR_ARGUMENT if the place cannot be written; ERR_DISPOSED or ERR_CONCRETISATION naming the leaf whose
 *   values are not there.
 * @example
 * treeSerialiseLeaves('model.eqx', model);
 * const loaded = treeDeserialiseLeaves('model.eqx', new Net(key));
 * @see equinox.tree_serialise_leaves (0.13.8). Differences: typed arrays are saved as NumPy's arrays are; a failed
 *   save leaves the old file.
 */
export function treeSerialiseLeaves(
  target: string | URL | number | ByteSink,
  tree: unknown,
  options: SerialiseOptions = {},
): void {
  const op = 'treeSerialiseLeaves';
  requireOptions(options, ['filterSpec', 'isLeaf'], op);
  const save = (sink: ByteSink): void => {
    writeLeaves(sink, tree, options, op);
  };
  if (isPath(target)) {
    atomicWrite(withSuffix(target, op), op, save);
    return;
  }
  const write = sinkOf(target, op);
  const pieces: Uint8Array[] = [];
  // A user's filter may fill the same bytes again for the next leaf.
  save({ write: (bytes) => pieces.push(new Uint8Array(bytes)) });
  for (const piece of pieces) write(piece);
}

/** Writes leaf by leaf; what goes wrong is told in the name of `op`. */
export function writeLeaves(sink: ByteSink, tree: unknown, options: SerialiseOptions, op: string): void {
  const { filterSpec = defaultSerialiseFilterSpec, isLeaf } = options;
  for (const [spec, part, specPath] of specParts(filterSpec, tree, op)) {
    for (const [path, leaf] of flattenWithPath(part, { isLeaf })[0]) {
      atLeaf(op, [...specPath, ...path], '', () => {
        (spec as SerialiseLeaf)(sink, leaf);
      });
    }
  }
}

/**
 * Loads the leaves of a tree from a file that `treeSerialiseLeaves` or Equinox wrote.
 *
 * @param source  a path (a string or a file URL; without a suffix it gets `.eqx`), bytes, a file descriptor, or an
 *   object whose `read(length)` gives up to `length` bytes. With `allowTrailing` no byte after the last leaf is read,
 *   so that several trees can follow each other.
 * @param like  a tree of the same structure, with leaves of the same kinds, shapes and dtypes. It is not changed.
 * @returns a tree of `like`'s structure, with the leaves that are in the file, on the devices of `like`'s.
 * @throws ERR_FORMAT if the file is truncated, malformed, longer, or of another tree: the message names the leaf's
 *   path and what was expected and found; ERR_ARGUMENT if the file cannot be read.
 * @see equinox.tree_deserialise_leaves (0.13.8). Differences: bytes after the last leaf are an error unless
 *   `allowTrailing` is given; a number in `like` takes a Python float or int.
 */
export function treeDeserialiseLeaves<T>(
  source: string | URL | number | Uint8Array | ByteSource,
  like: T,
  options: DeserialiseOptions = {},
): T {
  const op = 'treeDeserialiseLeaves';
  requireOptions(options, ['filterSpec', 'isLeaf', 'allowTrailing'], op);
  if (isPath(source)) {
    const path = withSuffix(source, op);
    return withFileSource(path, op, (file) => load(new ByteReader(file, path), like, options, op));
  }
  return load(readerOf(source, op), like, options, op);
}

function load<T>(reader: ByteReader, like: T, options: DeserialiseOptions, op: string): T {
  const { filterSpec = defaultDeserialiseFilterSpec, isLeaf, allowTrailing = false } = options;
  let count = 0;
  const parts = specParts(filterSpec, like, op).map(([spec, part, specPath]) => {
    const [leaves, structure] = flattenWithPath(part, { isLeaf });
    const loaded = leaves.map(([path, leaf]) => {
      const start = reader.position;
      const value = atLeaf(op, [...specPath, ...path], ` (byte ${start} of ${reader.name})`, () => {
        const found = (spec as DeserialiseLeaf)(reader, leaf);
        refuseChange(found, leaf);
        return found;
      });
      if (reader.position > start) count++;
      return value;
    });
    return unflatten(structure, loaded);
  });
  const end = reader.position;
  if (!allowTrailing && !reader.takeEnd()) {
    throw new FormatError(
      `${op}: expected the end of the data after ${count} leaves, got more at byte ${end} of ${reader.name}. ` +
        'Load it into the tree that was saved, or pass {allowTrailing: true} if something else follows.',
      { op },
    );
  }
  return unflatten(flatten(filterSpec)[1], parts) as T;
}

/** Each function of a prefix tree with the part of the tree that it is for, and the path to that part. */
function specParts(
  filterSpec: object,
  tree: unknown,
  op: string,
): [spec: unknown, part: unknown, path: Path][] {
  const [specs, prefix] = flatten(filterSpec);
  const paths = leafPaths(prefix);
  const parts = flattenUpTo(prefix, tree, op);
  return specs.map((spec, i) => {
    const path = paths[i] ?? [];
    if (typeof spec !== 'function') {
      throw new ArgumentError(
        `${op}: expected filterSpec to be a function, got ${typeof spec}${atPath(path)}.`,
        {
          op,
        },
      );
    }
    return [spec, parts[i], path];
  });
}

/** Runs `body` for one leaf; what goes wrong is told with the leaf's path. */
function atLeaf<R>(op: string, path: Path, place: string, body: () => R): R {
  try {
    return body();
  } catch (cause) {
    const where = `${atPath(path)}${place}`;
    if (!(cause instanceof EquinodeError)) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new ArgumentError(`${op}: filterSpec failed${where}: ${message}`, { op, cause });
    }
    if (cause instanceof MismatchError) {
      throw new FormatError(`${op}: ${describeMismatch(path, cause)}${place}.`, { op, cause });
    }
    const reason = cause.message.replace(/^[\w ]+: /, '').replace(/\.$/, '');
    throw errorOf(cause.code, `${op}: ${reason}${where}.`, { op, cause });
  }
}

/** A leaf keeps its kind, whatever a filter returns: the loaded tree stands in for `like` everywhere. */
function refuseChange(found: unknown, like: unknown): void {
  if (found === like) return;
  if (found instanceof Tensor && like instanceof Tensor) {
    if (found.dtype === like.dtype && found.shape.join() === like.shape.join()) return;
  } else if (kindName(found) === kindName(like)) {
    return;
  }
  throw new FormatError(
    `expected filterSpec to return ${kindName(like)} as in \`like\`, got ${kindName(found)}`,
  );
}

function kindName(value: unknown): string {
  if (value instanceof Tensor) return `${value.dtype}[${value.shape.join(',')}]`;
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return (
    (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name ??
    'object'
  );
}

function isPath(target: unknown): target is string | URL {
  return typeof target === 'string' || target instanceof URL;
}

/** Python's rule: a name without a suffix gets `.eqx`; `.hidden` and `name.` have none. */
function withSuffix(target: string | URL, op: string): string {
  const path = pathOf(target, op);
  return extname(path).length > 1 ? path : `${path}.eqx`;
}

function sinkOf(target: unknown, op: string): (bytes: Uint8Array) => void {
  if (typeof target === 'number') {
    return (bytes) => {
      writeAll(target, bytes, op, `file descriptor ${target}`);
    };
  }
  if (typeof (target as Partial<ByteSink> | null | undefined)?.write !== 'function') {
    throw new ArgumentError(
      `${op}: expected a path, a file descriptor or an object with write(bytes), got ${typeof target}.`,
      { op },
    );
  }
  return (bytes) => (target as ByteSink).write(bytes);
}

function readerOf(source: unknown, op: string): ByteReader {
  if (typeof source === 'number') return new ByteReader(sourceOfFile(source), `file descriptor ${source}`);
  if (ArrayBuffer.isView(source)) {
    const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    return new ByteReader(sourceOfBytes(bytes), 'the bytes');
  }
  if (typeof (source as Partial<ByteSource> | null | undefined)?.read !== 'function') {
    throw new ArgumentError(
      `${op}: expected a path, bytes, a file descriptor or an object with read(length), got ${typeof source}.`,
      { op },
    );
  }
  return new ByteReader(source as ByteSource, 'the source');
}
