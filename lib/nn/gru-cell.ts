import type { DType } from '../base/dtype';
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

/** Options of `GRUCell` and `LSTMCell`. */
export interface CellOptions extends InitOptions {
  /** Whether to add a bias; true unless given. */
  readonly useBias?: boolean | undefined;
}

const name = 'nn.GRUCell';
const isStatic = field({ static: true });

/**
 * One step of a gated recurrent unit.
 *
 * With reset, update and candidate gates r = σ(Wᵣx + bᵣ + Uᵣh), z = σ(W_z x + b_z + U_z h),
 * n = tanh(Wₙx + bₙ + r · (Uₙh + biasN)) it gives n + z · (h − n). The parameters are drawn uniformly from
 * ±1/sqrt(hiddenSize).
 *
 * @example
 * const cell = new nn.GRUCell(2, 16, { key });
 * const h = cell.forward(x, zeros([16]));
 * @see equinox.nn.GRUCell.
 */
export class GRUCell extends Module {
  static readonly fields = { inputSize: isStatic, hiddenSize: isStatic, useBias: isStatic };
  /** dtype[3 · hiddenSize, inputSize]: reset, update, candidate. */
  readonly weightIh: Tensor;
  /** dtype[3 · hiddenSize, hiddenSize]. */
  readonly weightHh: Tensor;
  /** dtype[3 · hiddenSize], or null without bias. */
  readonly bias: Tensor | null;
  /** dtype[hiddenSize]: the bias inside of the reset gate; null without bias. */
  readonly biasN: Tensor | null;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly useBias: boolean;

  /**
   * @param inputSize  The size of the input of each step.
   * @param hiddenSize  The size of the hidden state.
   * @throws ERR_ARGUMENT for a missing key, a size that is none, or an unknown option; ERR_DTYPE for a dtype that
   *   parameters cannot have.
   */
  constructor(inputSize: number, hiddenSize: number, options: CellOptions) {
    super();
    const { key, useBias, dtype } = cellArguments(inputSize, hiddenSize, options, name);
    const keys = random.split(key, 4);
    const draw = (at: number, shape: readonly number[]): Tensor =>
      defaultInit(keys.select(0, at), shape, dtype, Math.sqrt(1 / hiddenSize));
    this.weightIh = draw(0, [3 * hiddenSize, inputSize]);
    this.weightHh = draw(1, [3 * hiddenSize, hiddenSize]);
    this.bias = useBias ? draw(2, [3 * hiddenSize]) : null;
    this.biasN = useBias ? draw(3, [hiddenSize]) : null;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.useBias = useBias;
  }

  /**
   * @param input  dtype[inputSize].
   * @param hidden  dtype[hiddenSize].
   * @returns dtype[hiddenSize]: the next hidden state.
   * @throws ERR_SHAPE for any other shape; use `filterVmap` for a batch.
   */
  forward(input: Tensor, hidden: Tensor, _options?: ForwardOptions): Tensor {
    requireInput(input, [this.inputSize], name);
    requireInput(hidden, [this.hiddenSize], name, 'a hidden state');
    const weighted = product(this.weightIh, input);
    const fromInput = (this.bias === null ? weighted : weighted.add(this.bias)).chunk(3);
    const fromHidden = product(this.weightHh, hidden).chunk(3);
    const reset = fromInput[0]!.add(fromHidden[0]!).sigmoid();
    const update = fromInput[1]!.add(fromHidden[1]!).sigmoid();
    const candidate = this.biasN === null ? fromHidden[2]! : fromHidden[2]!.add(this.biasN);
    const next = fromInput[2]!.add(reset.mul(candidate)).tanh();
    return next.add(update.mul(hidden.sub(next)));
  }
}

/** @throws ERR_ARGUMENT, ERR_DTYPE naming the cell. */
export function cellArguments(
  inputSize: number,
  hiddenSize: number,
  options: CellOptions,
  layer: string,
): { readonly key: random.Key; readonly useBias: boolean; readonly dtype: DType } {
  const key = requireKey(options, layer);
  requireOptions(options, ['useBias', 'dtype', 'key'], layer);
  requireSize(inputSize, 'inputSize', layer);
  requireSize(hiddenSize, 'hiddenSize', layer, 1);
  const { useBias = true, dtype = 'float32' } = options;
  requireFlag(useBias, 'useBias', layer);
  requireParameterDType(dtype, layer);
  return { key, useBias, dtype };
}
