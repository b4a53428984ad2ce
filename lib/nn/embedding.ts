import { dtypeInfo, type DType } from '../base/dtype';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { field, Module } from '../module';
import { embedding, where } from '../ops';
import * as random from '../random';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
import { describe } from '../tree';
import {
  requireKey,
  requireParameterDType,
  requireSize,
  requireTensor,
  type ForwardOptions,
} from './arguments';

export interface EmbeddingOptions {
  /** dtype[numEmbeddings, embeddingSize]: the table itself, instead of a random one. */
  readonly weight?: Tensor | undefined;
  /** The dtype of a random table; float32 unless given. */
  readonly dtype?: DType | undefined;
  /** uint32[2]. Required unless `weight` is given. */
  readonly key?: random.Key | undefined;
}

const name = 'nn.Embedding';
const isStatic = field({ static: true });

/**
 * A table of vectors, looked up by number.
 *
 * A random table is drawn from the normal distribution of variance 1.
 *
 * @example
 * const embedding = new nn.Embedding(10_000, 64, { key });
 * const vectors = filterVmap(embedding)(tokens); // float32[time, 64] for int[time]
 * @see equinox.nn.Embedding. Difference: a plain number outside the table is an error.
 */
export class Embedding extends Module {
  static readonly fields = { numEmbeddings: isStatic, embeddingSize: isStatic };
  readonly numEmbeddings: number;
  readonly embeddingSize: number;
  /** dtype[numEmbeddings, embeddingSize]. */
  readonly weight: Tensor;

  /**
   * @param numEmbeddings  The number of vectors; null for that of `weight`.
   * @param embeddingSize  The size of each vector; null for that of `weight`.
   * @throws ERR_ARGUMENT for a missing key, a size that is none, or an unknown option; ERR_SHAPE for a weight of
   *   another shape; ERR_DTYPE for a dtype that parameters cannot have.
   */
  constructor(numEmbeddings: number | null, embeddingSize: number | null, options: EmbeddingOptions) {
    super();
    const given = (options as EmbeddingOptions | undefined) ?? {};
    requireOptions(given, ['weight', 'dtype', 'key'], name);
    if (numEmbeddings !== null) requireSize(numEmbeddings, 'numEmbeddings', name);
    if (embeddingSize !== null) requireSize(embeddingSize, 'embeddingSize', name);
    const weight = given.weight;
    if (weight === undefined) {
      if (numEmbeddings === null || embeddingSize === null) {
        throw new ArgumentError(
          `${name}: expected numEmbeddings and embeddingSize, or a weight, got null. Pass both numbers, or { weight }.`,
          { op: name },
        );
      }
      const { dtype = 'float32' } = given;
      requireParameterDType(dtype, name);
      const key = requireKey({ key: given.key }, name);
      this.weight = random.normal(key, [numEmbeddings, embeddingSize], { dtype });
    } else {
      requireTable(weight, numEmbeddings, embeddingSize);
      this.weight = weight;
    }
    this.numEmbeddings = this.weight.shape[0] ?? 0;
    this.embeddingSize = this.weight.shape[1] ?? 0;
  }

  /**
   * @param x  The index: a number, or int[]; negative ones count from the end. A tensor outside the table gives the
   *   nearest row, as in JAX, since its value may not be known yet.
   * @returns dtype[embeddingSize].
   * @throws ERR_SHAPE unless the index is a scalar (use `filterVmap` for many); ERR_DTYPE unless it is an integer;
   *   ERR_ARGUMENT for a number outside the table, or an empty table.
   */
  forward(x: Tensor | number, _options?: ForwardOptions): Tensor {
    const rows = this.numEmbeddings;
    if (typeof x === 'number') {
      if (Number.isInteger(x) && x >= -rows && x < rows) return this.weight.select(0, x);
      throw new ArgumentError(`${name}: expected an index from ${-rows} to ${rows - 1}, got ${x}.`, {
        op: name,
      });
    }
    requireIndex(x);
    if (rows === 0) {
      throw new ArgumentError(`${name}: expected a table with rows to look up an index, got one without.`, {
        op: name,
      });
    }
    const index = x.dtype === 'int32' || x.dtype === 'int64' ? x : x.to('int64');
    return embedding(this.weight, where(index.lt(0), index.add(rows), index).clamp(0, rows - 1));
  }
}

function requireTable(weight: unknown, rows: number | null, size: number | null): void {
  requireTensor(weight, 'a weight', name);
  const fits = [rows, size].every((wanted, axis) => wanted === null || wanted === weight.shape[axis]);
  if (weight.ndim === 2 && fits) return;
  throw new ShapeError(
    `${name}: expected a weight of shape [${rows ?? 'numEmbeddings'},${size ?? 'embeddingSize'}], got ${weight.dtype}[${weight.shape.join()}].`,
    { op: name },
  );
}

function requireIndex(x: unknown): asserts x is Tensor {
  if (!(x instanceof Tensor)) {
    throw new ArgumentError(`${name}: expected a number or a tensor int[], got ${describe(x)}.`, {
      op: name,
    });
  }
  handleOf(x, name);
  if (x.ndim !== 0) {
    throw new ShapeError(
      `${name}: expected an index of shape [], got ${x.dtype}[${x.shape.join()}]. It takes one index: use filterVmap for many.`,
      { op: name },
    );
  }
  const { kind } = dtypeInfo(x.dtype);
  if (kind === 'int' || kind === 'uint') return;
  throw new DtypeError(`${name}: expected an index that is an integer, got ${x.dtype}[].`, { op: name });
}
