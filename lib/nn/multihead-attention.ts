import type { DType } from '../base/dtype';
import { ArgumentError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { field, Module } from '../module';
import { softmax } from '../ops';
import * as random from '../random';
import { requireKey as requireKeyOf } from '../random/key';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
import { filterVmap } from '../transform';
import { describe } from '../tree';
import {
  requireCallable,
  requireFlag,
  requireInput,
  requireKey,
  requireKind,
  requireParameterDType,
  requireSize,
  type InitOptions,
} from './arguments';
import { Dropout, requireRate, type InferenceOptions } from './dropout';
import { Linear } from './linear';
import { atLeastFloat32, cast, product } from './precision';

export interface MultiheadAttentionOptions extends InitOptions {
  /** The features of the keys; `querySize` unless given. */
  readonly keySize?: number | undefined;
  /** The features of the values; `querySize` unless given. */
  readonly valueSize?: number | undefined;
  /** The features of the result; `querySize` unless given. */
  readonly outputSize?: number | undefined;
  /** The features in which each head compares queries and keys; querySize / numHeads unless given. */
  readonly qkSize?: number | undefined;
  /** The features of the values in each head; querySize / numHeads unless given. */
  readonly voSize?: number | undefined;
  /** Whether the queries get a bias; false unless given. */
  readonly useQueryBias?: boolean | undefined;
  /** Whether the keys get a bias; false unless given. */
  readonly useKeyBias?: boolean | undefined;
  /** Whether the values get a bias; false unless given. */
  readonly useValueBias?: boolean | undefined;
  /** Whether the result gets a bias; false unless given. */
  readonly useOutputBias?: boolean | undefined;
  /** The probability with which attention weights are dropped in training; 0 unless given. */
  readonly dropoutP?: number | undefined;
  /** Whether dropout is off; false unless given. */
  readonly inference?: boolean | undefined;
}

/** Changes the heads before they are compared: float[time, heads, size] each, of which the shapes must stay. */
export type ProcessHeads = (
  query: Tensor,
  key: Tensor,
  value: Tensor,
) => readonly [query: Tensor, key: Tensor, value: Tensor];

export interface AttentionOptions extends InferenceOptions {
  /**
   * Where to look: bool[queryTime, keyTime], or bool[heads, queryTime, keyTime]; false (or 0) positions are ignored.
   * Everywhere unless given.
   */
  readonly mask?: Tensor | null | undefined;
  /** For example a rotation by `RotaryPositionalEmbedding`. */
  readonly processHeads?: ProcessHeads | null | undefined;
}

const name = 'nn.MultiheadAttention';
const isStatic = field({ static: true });
const options = [
  ...['keySize', 'valueSize', 'outputSize', 'qkSize', 'voSize'],
  ...['useQueryBias', 'useKeyBias', 'useValueBias', 'useOutputBias'],
  ...['dropoutP', 'inference', 'dtype', 'key'],
];

/**
 * Attention with several heads: each compares queries with keys and takes the mean of the values with the weights
 * softmax(q · k / sqrt(qkSize)).
 *
 * @example
 * const attention = new nn.MultiheadAttention(8, 64, { key });
 * const causal = ops.ones([time, time], { dtype: 'bool' }).tril();
 * const y = attention.forward(x, x, x, { mask: causal }); // float32[time, 64]
 * @see equinox.nn.MultiheadAttention; arXiv:1706.03762. A query whose whole row is masked gives the mean of all values,
 *   as there. Difference: a `querySize` that `numHeads` does not divide is refused unless `qkSize` and `voSize` are given.
 */
export class MultiheadAttention extends Module {
  static readonly fields = {
    numHeads: isStatic,
    querySize: isStatic,
    keySize: isStatic,
    valueSize: isStatic,
    outputSize: isStatic,
    qkSize: isStatic,
    voSize: isStatic,
    useQueryBias: isStatic,
    useKeyBias: isStatic,
    useValueBias: isStatic,
    useOutputBias: isStatic,
  };
  /** querySize to numHeads · qkSize. */
  readonly queryProj: Linear;
  /** keySize to numHeads · qkSize. */
  readonly keyProj: Linear;
  /** valueSize to numHeads · voSize. */
  readonly valueProj: Linear;
  /** numHeads · voSize to outputSize. */
  readonly outputProj: Linear;
  readonly dropout: Dropout;
  readonly numHeads: number;
  readonly querySize: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly outputSize: number;
  readonly qkSize: number;
  readonly voSize: number;
  readonly useQueryBias: boolean;
  readonly useKeyBias: boolean;
  readonly useValueBias: boolean;
  readonly useOutputBias: boolean;

  /**
   * @param numHeads  The number of heads.
   * @param querySize  The features of the queries; divisible by `numHeads` unless `qkSize` and `voSize` are given.
   * @throws ERR_ARGUMENT for a missing key, a size that is none, a dropout rate outside of [0, 1], or an unknown
   *   option; ERR_DTYPE for a dtype that parameters cannot have.
   */
  constructor(numHeads: number, querySize: number, given: MultiheadAttentionOptions) {
    super();
    const key = requireKey(given, name);
    requireOptions(given, options, name);
    requireSize(numHeads, 'numHeads', name, 1);
    requireSize(querySize, 'querySize', name);
    requireDivision(numHeads, querySize, given);
    const perHead = Math.floor(querySize / numHeads);
    const { keySize = querySize, valueSize = querySize, outputSize = querySize } = given;
    const { qkSize = perHead, voSize = perHead, dtype = 'float32', inference = false, dropoutP = 0 } = given;
    const sizes = { keySize, valueSize, outputSize, qkSize, voSize };
    for (const [argument, size] of Object.entries(sizes)) requireSize(size, argument, name);
    const { useQueryBias = false, useKeyBias = false, useValueBias = false, useOutputBias = false } = given;
    const flags = { useQueryBias, useKeyBias, useValueBias, useOutputBias, inference };
    for (const [argument, flag] of Object.entries(flags)) requireFlag(flag, argument, name);
    requireRate(dropoutP, 'dropoutP', name);
    requireParameterDType(dtype, name);

    const keys = random.split(key, 4);
    const linear = (at: number, from: number, to: number, useBias: boolean): Linear =>
      new Linear(from, to, { useBias, dtype, key: keys.select(0, at) });
    this.queryProj = linear(0, querySize, numHeads * qkSize, useQueryBias);
    this.keyProj = linear(1, keySize, numHeads * qkSize, useKeyBias);
    this.valueProj = linear(2, valueSize, numHeads * voSize, useValueBias);
    this.outputProj = linear(3, numHeads * voSize, outputSize, useOutputBias);
    this.dropout = new Dropout(dropoutP, { inference });
    this.numHeads = numHeads;
    this.querySize = querySize;
    this.keySize = keySize;
    this.valueSize = valueSize;
    this.outputSize = outputSize;
    this.qkSize = qkSize;
    this.voSize = voSize;
    this.useQueryBias = useQueryBias;
    this.useKeyBias = useKeyBias;
    this.useValueBias = useValueBias;
    this.useOutputBias = useOutputBias;
  }

  /**
   * @param query  dtype[queryTime, querySize].
   * @param key  dtype[keyTime, keySize].
   * @param value  dtype[keyTime, valueSize].
   * @param options  `mask`, `processHeads`, `inference`; `key` is needed for dropout in training.
   * @returns dtype[queryTime, outputSize].
   * @throws ERR_SHAPE for shapes that do not fit (use `filterVmap` for a batch), also of the mask and of processed
   *   heads; ERR_ARGUMENT if the key is missing.
   */
  forward(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
    requireInput(query, ['queryTime', this.querySize], name, 'a query');
    requireInput(key, ['keyTime', this.keySize], name, 'a key');
    const keyTime = key.shape[0] ?? 0;
    requireInput(value, [keyTime, this.valueSize], name, 'a value');
    if (options.inference !== undefined && options.inference !== null) {
      requireFlag(options.inference, 'inference', name);
    }
    if (options.processHeads) requireCallable(options.processHeads, 'processHeads', name);
    requireKind(query, ['float', 'int', 'uint', 'bool'], 'real numbers', name);
    const queryTime = query.shape[0] ?? 0;
    const mask = this.checkedMask(options.mask, queryTime, keyTime);

    let heads: readonly Tensor[] = [
      this.project(this.queryProj, query, this.qkSize),
      this.project(this.keyProj, key, this.qkSize),
      this.project(this.valueProj, value, this.voSize),
    ];
    if (options.processHeads) heads = processed(options.processHeads, heads);
    const [q, k, v] = heads.map((one) => one.transpose(0, 1)) as [Tensor, Tensor, Tensor];
    const weights = attentionWeights(q, k, mask);
    const mixed = product(this.dropped(weights, options), v);
    const joined = mixed.transpose(0, 1).reshape([queryTime, this.numHeads * this.voSize]);
    return filterVmap(this.outputProj)(joined);
  }

  /** dtype[time, features] to dtype[time, heads, size]. */
  private project(projection: Linear, x: Tensor, size: number): Tensor {
    return filterVmap(projection)(x).reshape([x.shape[0] ?? 0, this.numHeads, size]);
  }

  /** Each head drops weights of its own. */
  private dropped(weights: Tensor, { key, inference }: InferenceOptions): Tensor {
    const one = (head: Tensor, own: random.Key | null | undefined): Tensor =>
      this.dropout.forward(head, { key: own, inference });
    if (key === null || key === undefined) return this.withoutKey(() => one(weights, key));
    requireKeyOf(key, name);
    return filterVmap(one)(weights, random.split(key, this.numHeads));
  }

  /** Drops nothing; where weights were to be dropped, the missing key is told in the name of this layer. */
  private withoutKey(body: () => Tensor): Tensor {
    try {
      return body();
    } catch (cause) {
      if (!(cause instanceof ArgumentError)) throw cause;
      throw new ArgumentError(cause.message.replace('nn.Dropout', name), { op: name, cause });
    }
  }

  private checkedMask(mask: Tensor | null | undefined, queryTime: number, keyTime: number): Tensor | null {
    if (mask === null || mask === undefined) return null;
    const given: unknown = mask;
    if (!(given instanceof Tensor)) {
      throw new ArgumentError(`${name}: expected mask to be a tensor, got ${describe(given)}.`, { op: name });
    }
    handleOf(given, name);
    const wanted = [this.numHeads, queryTime, keyTime].slice(given.ndim === 3 ? 0 : 1);
    if (given.ndim !== wanted.length || wanted.some((size, axis) => size !== given.shape[axis])) {
      throw new ShapeError(
        `${name}: expected a mask of shape [${queryTime},${keyTime}] or [${this.numHeads},${queryTime},${keyTime}], ` +
          `got ${given.dtype}[${given.shape.join()}].`,
        { op: name },
      );
    }
    return given.dtype === 'bool' ? given : given.ne(0);
  }
}

function requireDivision(numHeads: number, querySize: number, given: MultiheadAttentionOptions): void {
  if (querySize % numHeads === 0 || (given.qkSize !== undefined && given.voSize !== undefined)) return;
  throw new ArgumentError(
    `${name}: expected querySize to be divisible by numHeads, got ${querySize} and ${numHeads}. Or pass qkSize and voSize.`,
    { op: name },
  );
}

function processed(process: ProcessHeads, heads: readonly Tensor[]): readonly Tensor[] {
  const shapes = (list: readonly Tensor[]): string => list.map(({ shape }) => `[${shape.join()}]`).join(' ');
  const result: unknown = process(heads[0]!, heads[1]!, heads[2]!);
  if (!Array.isArray(result) || result.length !== 3 || !result.every((one) => one instanceof Tensor)) {
    throw new ArgumentError(
      `${name}: expected processHeads to return [query, key, value], got ${describe(result)}.`,
      { op: name },
    );
  }
  if (shapes(result) === shapes(heads)) return result;
  throw new ShapeError(
    `${name}: expected processHeads to keep the shapes ${shapes(heads)}, got ${shapes(result)}.`,
    { op: name },
  );
}

/** The most negative finite number of each dtype: what masked scores are set to. */
const lowest: Readonly<Partial<Record<DType, number>>> = {
  float16: -65504,
  bfloat16: -3.3895313892515355e38,
  float32: -3.4028234663852886e38,
  float64: -Number.MAX_VALUE,
};

/** dtype[heads, queryTime, size] and dtype[heads, keyTime, size] to dtype[heads, queryTime, keyTime]. */
function attentionWeights(query: Tensor, key: Tensor, mask: Tensor | null): Tensor {
  const scaled = query.div(Math.sqrt(query.shape[2] ?? 1));
  let scores = product(scaled, key.transpose(1, 2));
  if (mask !== null) scores = scores.maskedFill(mask.logicalNot(), lowest[scores.dtype] ?? -Infinity);
  return cast(softmax(cast(scores, atLeastFloat32(scores.dtype)), -1), scores.dtype);
}
