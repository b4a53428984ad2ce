import { ArgumentError, ShapeError, TreeError } from '../base/errors';
import { indexSelect, narrow } from '../ops';
import { permutation, type Key } from '../random';
import { tensor } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import { atPath, flattenWithPath, keystr, unflatten, type Path, type Structure } from '../tree';

export interface BatchOptions {
  /** The number of rows in a batch. */
  readonly batchSize: number;
  /** Leaves out the rows at the end that do not fill a batch. False unless given. */
  readonly dropLast?: boolean | undefined;
  /** The number of batches to leave out at the beginning, to go on where an earlier run stopped. 0 unless given. */
  readonly skip?: number | undefined;
  /** Shuffles the rows. Without a key they come in order. */
  readonly key?: Key | undefined;
}

/** The batches of one pass over the data. Every iteration gives the same batches in the same order. */
export interface Batches<T> extends Iterable<T> {
  /** The number of batches. */
  readonly length: number;
}

/**
 * Cuts a tree of tensors into batches along the first axis.
 *
 * With a key, batch b holds rows b·batchSize … of `random.permutation(key, n)`, each leaf gathered by one operator;
 * without one, batches are views of the data. Leaves that are no tensors are the same in every batch.
 *
 * @param tree  Tree<Tensor[n, ...]>: tensors with the same first axis.
 * @returns an iterable of trees of the same structure with batchSize rows (fewer in the last one, unless
 *   `dropLast`), on the devices of the data. A batch is released like any other tensor, when it is no longer used.
 * @throws ERR_ARGUMENT if `batchSize` is no positive integer or `skip` no natural number; ERR_SHAPE naming the
 *   paths if first axes differ; ERR_TREE if there is no tensor.
 * @example
 * for (const { images, labels } of data.batches(train, { batchSize: 64, key: random.foldIn(key, epoch) })) { ... }
 * @see torch.utils.data.DataLoader, whose defaults these are. A last batch of another size makes a jitted step trace
 *   once more.
 */
export function batches<T>(tree: T, options: BatchOptions): Batches<T> {
  const { batchSize, dropLast = false, skip = 0, key } = options;
  natural('batchSize', batchSize, 1);
  natural('skip', skip, 0);
  const [leaves, structure] = flattenWithPath(tree);
  const rowCount = commonLength(leaves);
  const total = dropLast ? Math.floor(rowCount / batchSize) : Math.ceil(rowCount / batchSize);
  const values = leaves.map(([, leaf]) => leaf);
  return {
    length: Math.max(0, total - skip),
    *[Symbol.iterator]() {
      // On the host, so that no scope that happens to be open at the first batch can take it away.
      const order =
        key === undefined ? undefined : Int32Array.from(permutation(key, rowCount).toTypedArray(), Number);
      for (let batch = skip; batch < total; batch++) {
        const start = batch * batchSize;
        const count = Math.min(batchSize, rowCount - start);
        yield takeRows(values, structure, start, count, order) as T;
      }
    },
  };
}

function takeRows(
  leaves: readonly unknown[],
  structure: Structure,
  start: number,
  count: number,
  order: Int32Array | undefined,
): unknown {
  if (order === undefined) {
    return unflatten(
      structure,
      leaves.map((leaf) => (leaf instanceof Tensor ? narrow(leaf, 0, start, count) : leaf)),
    );
  }
  const rows = new Map<string, Tensor>();
  const rowsOn = (device: string): Tensor => {
    let found = rows.get(device);
    if (found === undefined) {
      found = tensor(order.slice(start, start + count), { device });
      rows.set(device, found);
    }
    return found;
  };
  const gathered = leaves.map((leaf) =>
    leaf instanceof Tensor ? indexSelect(leaf, 0, rowsOn(leaf.device)) : leaf,
  );
  for (const index of rows.values()) index.dispose();
  return unflatten(structure, gathered);
}

function commonLength(leaves: readonly (readonly [Path, unknown])[]): number {
  let first: { path: Path; length: number } | undefined;
  for (const [path, leaf] of leaves) {
    if (ArrayBuffer.isView(leaf)) {
      throw new ArgumentError(
        `batches: expected tensors, got a ${leaf.constructor.name}${atPath(path)}. Make it a tensor with \`tensor\`.`,
        { op: 'batches' },
      );
    }
    if (!(leaf instanceof Tensor)) continue;
    const [length] = leaf.shape;
    if (length === undefined) {
      throw new ShapeError(
        `batches: expected tensors with a first axis, got ${leaf.dtype}[]${atPath(path)}.`,
        {
          op: 'batches',
        },
      );
    }
    if (first === undefined) first = { path, length };
    else if (first.length !== length) {
      throw new ShapeError(
        `batches: expected first axes of one length, got ${first.length} at ${name(first.path)} ` +
          `and ${length} at ${name(path)}.`,
        { op: 'batches' },
      );
    }
  }
  if (first === undefined) {
    throw new TreeError('batches: expected a tree with tensors, got none.', { op: 'batches' });
  }
  return first.length;
}

function name(path: Path): string {
  return path.length === 0 ? 'the root' : keystr(path);
}

function natural(option: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ArgumentError(
    `batches: expected ${option} to be an integer from ${least} on, got ${String(value)}.`,
    {
      op: 'batches',
    },
  );
}
