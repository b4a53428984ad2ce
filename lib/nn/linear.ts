import { requireOptions } from '../base/options';
import { field, Module } from '../module';
import * as random from '../random';
import type { Tensor } from '../tensor/tensor';
import {
  requireFlag,
  requireInput,
  requireKey,
  requireParameterDType,
  requireSize,
  type ForwardOptions,
  type InitOptions,
} from './arguments';
import { defaultInit } from './init';
import { product } from './precision';

export interface LinearOptions extends InitOptions {
  /** Whether to add a bias; true unless given. */
  readonly useBias?: boolean | undefined;
}

const name = 'nn.Linear';
const isStatic = field({ static: true });

/**
 * A linear transformation: weight · x + bias.
 *
 * The parameters are drawn uniformly from ±1/sqrt(inFeatures).
 *
 * @example
 * const linear = new nn.Linear(784, 10, { key: random.key(0) });
 * const y = filterVmap(linear)(batch);
 * @see equinox.nn.Linear.
 */
export class Linear extends Module {
  static readonly fields = { inFeatures: isStatic, outFeatures: isStatic, useBias: isStatic };
  /** dtype[outFeatures, inFeatures], where 'scalar' counts as 1. */
  readonly weight: Tensor;
  /** dtype[outFeatures], or null without bias. */
  readonly bias: Tensor | null;
  readonly inFeatures: number | 'scalar';
  readonly outFeatures: number | 'scalar';
  readonly useBias: boolean;

  /**
   * @param inFeatures  The size of the input; 'scalar' for an input of shape [].
   * @param outFeatures  The size of the output; 'scalar' for an output of shape [].
   * @throws ERR_ARGUMENT for a missing key, a size that is none, or an unknown option; ERR_DTYPE for a dtype that
   *   parameters cannot have.
   */
  constructor(inFeatures: number | 'scalar', outFeatures: number | 'scalar', options: LinearOptions) {
    super();
    const key = requireKey(options, name);
    requireOptions(options, ['useBias', 'dtype', 'key'], name);
    if (inFeatures !== 'scalar') requireSize(inFeatures, 'inFeatures', name);
    if (outFeatures !== 'scalar') requireSize(outFeatures, 'outFeatures', name);
    const { useBias = true, dtype = 'float32' } = options;
    requireFlag(useBias, 'useBias', name);
    requireParameterDType(dtype, name);
    const inSize = inFeatures === 'scalar' ? 1 : inFeatures;
    const outSize = outFeatures === 'scalar' ? 1 : outFeatures;
    const keys = random.split(key);
    const limit = inSize === 0 ? 1 : 1 / Math.sqrt(inSize);
    this.weight = defaultInit(keys.select(0, 0), [outSize, inSize], dtype, limit);
    this.bias = useBias ? defaultInit(keys.select(0, 1), [outSize], dtype, limit) : null;
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.useBias = useBias;
  }

  /**
   * @param x  dtype[inFeatures], or dtype[] for 'scalar'.
   * @returns dtype[outFeatures], or dtype[] for 'scalar', in the dtype that holds the input's and the weight's.
   * @throws ERR_SHAPE for any other shape; use `filterVmap` for a batch.
   */
  forward(x: Tensor, _options?: ForwardOptions): Tensor {
    requireInput(x, this.inFeatures === 'scalar' ? [] : [this.inFeatures], name);
    const input = this.inFeatures === 'scalar' ? x.reshape([1]) : x;
    const weighted = product(this.weight, input);
    const sum = this.bias === null ? weighted : weighted.add(this.bias);
    return this.outFeatures === 'scalar' ? sum.reshape([]) : sum;
  }
}
