import { ArgumentError } from '../base/errors';
import { field, Module } from '../module';
import * as random from '../random';
import type { Tensor } from '../tensor/tensor';
import { describe } from '../tree';
import { requireInput, type ForwardOptions } from './arguments';
import { cellArguments, type CellOptions } from './gru-cell';
import { defaultInit } from './init';
import { product } from './precision';

/** The state of an `LSTMCell`: what it gives out, and what it remembers; dtype[hiddenSize] each. */
export type LSTMState = readonly [h: Tensor, c: Tensor];

const name = 'nn.LSTMCell';
const isStatic = field({ static: true });

/**
 * One step of a long short-term memory.
 *
 * With gates i, f, g, o from Wx + Uh + b (σ, σ, tanh, σ) it gives c' = f · c + i · g and h' = o · tanh(c'). The
 * parameters are drawn uniformly from ±1/sqrt(hiddenSize).
 *
 * @see equinox.nn.LSTMCell.
 */
export class LSTMCell extends Module {
  static readonly fields = { inputSize: isStatic, hiddenSize: isStatic, useBias: isStatic };
  /** dtype[4 · hiddenSize, inputSize]: input gate, forget gate, candidate, output gate. */
  readonly weightIh: Tensor;
  /** dtype[4 · hiddenSize, hiddenSize]. */
  readonly weightHh: Tensor;
  /** dtype[4 · hiddenSize], or null without bias. */
  readonly bias: Tensor | null;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly useBias: boolean;

  /**
   * @param inputSize  The size of the input of each step.
   * @param hiddenSize  The size of each half of the state.
   * @throws ERR_ARGUMENT for a missing key, a size that is none, or an unknown option; ERR_DTYPE for a dtype that
   *   parameters cannot have.
   */
  constructor(inputSize: number, hiddenSize: number, options: CellOptions) {
    super();
    const { key, useBias, dtype } = cellArguments(inputSize, hiddenSize, options, name);
    const keys = random.split(key, 3);
    const draw = (at: number, shape: readonly number[]): Tensor =>
      defaultInit(keys.select(0, at), shape, dtype, Math.sqrt(1 / hiddenSize));
    this.weightIh = draw(0, [4 * hiddenSize, inputSize]);
    this.weightHh = draw(1, [4 * hiddenSize, hiddenSize]);
    this.bias = useBias ? draw(2, [4 * hiddenSize]) : null;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.useBias = useBias;
  }

  /**
   * @param input  dtype[inputSize].
   * @param hidden  `[h, c]`, dtype[hiddenSize] each.
   * @returns The next `[h, c]`.
   * @throws ERR_SHAPE for any other shape (use `filterVmap` for a batch); ERR_ARGUMENT unless the state is a pair.
   */
  forward(input: Tensor, hidden: LSTMState, _options?: ForwardOptions): LSTMState {
    requireInput(input, [this.inputSize], name);
    const given: unknown = hidden;
    if (!Array.isArray(given) || given.length !== 2) {
      throw new ArgumentError(`${name}: expected a state [h, c], got ${describe(given)}.`, { op: name });
    }
    const [h, c] = hidden;
    requireInput(h, [this.hiddenSize], name, 'an h');
    requireInput(c, [this.hiddenSize], name, 'a c');
    const weighted = product(this.weightIh, input).add(product(this.weightHh, h));
    const gates = (this.bias === null ? weighted : weighted.add(this.bias)).chunk(4);
    const cell = gates[1]!.sigmoid().mul(c).add(gates[0]!.sigmoid().mul(gates[2]!.tanh()));
    return [gates[3]!.sigmoid().mul(cell.tanh()), cell];
  }
}
