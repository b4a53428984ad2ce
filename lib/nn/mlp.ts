import { requireOptions } from '../base/options';
import { scan } from '../control';
import { isArray } from '../filter';
import { call, field, Module, type Callable } from '../module';
import { relu, stack } from '../ops';
import * as random from '../random';
import type { Tensor } from '../tensor/tensor';
import { filterVmap } from '../transform';
import * as tree from '../tree';
import {
  requireCallable,
  requireFlag,
  requireInput,
  requireKey,
  requireParameterDType,
  requireSize,
  type ForwardOptions,
  type InitOptions,
} from './arguments';
import { Linear } from './linear';

/** What is applied to each neuron: a function of a scalar, or a module with its own parameters. */
export type Activation = Callable<[x: Tensor], Tensor>;

export interface MLPOptions extends InitOptions {
  /** Applied to every neuron after each hidden layer; relu unless given. */
  readonly activation?: Activation | undefined;
  /** Applied to every neuron after the last layer; nothing unless given. */
  readonly finalActivation?: Activation | undefined;
  /** Whether the hidden layers have a bias; true unless given. */
  readonly useBias?: boolean | undefined;
  /** Whether the last layer has a bias; true unless given. */
  readonly useFinalBias?: boolean | undefined;
  /**
   * Whether the layers between the first and the last are kept as one, with an axis in front, and applied by `scan`, so
   * that the compiled graph does not grow with the depth; false unless given.
   */
  readonly scan?: boolean | undefined;
}

const name = 'nn.MLP';
const isStatic = field({ static: true });
const options = ['activation', 'finalActivation', 'useBias', 'useFinalBias', 'dtype', 'scan', 'key'];
const identity = (x: Tensor): Tensor => x;
const each = filterVmap((activation: Activation, x: Tensor): Tensor => call(activation, x));

/**
 * A multi-layer perceptron: linear layers with an activation after each.
 *
 * Activations are applied to one neuron at a time, and one that has parameters gets its own for every neuron: its
 * tensors get the axes [depth, widthSize] in front, and [outSize] at the end of the network.
 *
 * @example
 * new nn.MLP(2, 1, 32, 2, { activation: tanh, key: random.key(0) });
 * @see equinox.nn.MLP, with the same parameters for the same key. As there (v0.13.8), `finalActivation` is left out
 *   for depth 0, and a function of vectors such as softmax makes no sense as `finalActivation` unless `outSize` is
 *   'scalar'.
 */
export class MLP extends Module {
  static readonly fields = {
    useBias: isStatic,
    useFinalBias: isStatic,
    inSize: isStatic,
    outSize: isStatic,
    widthSize: isStatic,
    depth: isStatic,
    scan: isStatic,
  };
  /** The linear layers; with `scan` and a depth from 1 on: the first, those between in one, and the last. */
  readonly layers: readonly Linear[];
  readonly activation: Activation;
  readonly finalActivation: Activation;
  readonly useBias: boolean;
  readonly useFinalBias: boolean;
  readonly inSize: number | 'scalar';
  readonly outSize: number | 'scalar';
  readonly widthSize: number;
  readonly depth: number;
  readonly scan: boolean;

  /**
   * @param inSize  The size of the input; 'scalar' for an input of shape [].
   * @param outSize  The size of the output; 'scalar' for an output of shape [].
   * @param widthSize  The size of each hidden layer.
   * @param depth  The number of hidden layers: 0 is a single linear layer, 2 has three.
   * @throws ERR_ARGUMENT for a missing key, a size that is none, or an unknown option; ERR_DTYPE for a dtype that
   *   parameters cannot have.
   */
  constructor(
    inSize: number | 'scalar',
    outSize: number | 'scalar',
    widthSize: number,
    depth: number,
    given: MLPOptions,
  ) {
    super();
    const key = requireKey(given, name);
    requireOptions(given, options, name);
    if (inSize !== 'scalar') requireSize(inSize, 'inSize', name);
    if (outSize !== 'scalar') requireSize(outSize, 'outSize', name);
    requireSize(widthSize, 'widthSize', name);
    requireSize(depth, 'depth', name);
    const { useBias = true, useFinalBias = true, dtype = 'float32', scan = false } = given;
    const { activation = relu, finalActivation = identity } = given;
    for (const [argument, flag] of Object.entries({ useBias, useFinalBias, scan })) {
      requireFlag(flag, argument, name);
    }
    requireCallable(activation, 'activation', name);
    requireCallable(finalActivation, 'finalActivation', name);
    requireParameterDType(dtype, name);
    const keys = random.split(key, depth + 1);
    const linear = (from: number | 'scalar', to: number | 'scalar', bias: boolean, at: number): Linear =>
      new Linear(from, to, { useBias: bias, dtype, key: keys.select(0, at) });
    const between = (at: number): Linear => linear(widthSize, widthSize, useBias, at);

    if (depth === 0) {
      this.layers = [linear(inSize, outSize, useFinalBias, 0)];
    } else {
      const hidden = scan
        ? [
            stacked(
              Array.from({ length: depth - 1 }, (_, i) => between(i + 1)),
              between(0),
            ),
          ]
        : Array.from({ length: depth - 1 }, (_, i) => between(i + 1));
      const first = linear(inSize, widthSize, useBias, 0);
      this.layers = [first, ...hidden, linear(widthSize, outSize, useFinalBias, depth)];
    }
    this.activation = repeated(activation, [depth, widthSize]);
    this.finalActivation = outSize === 'scalar' ? finalActivation : repeated(finalActivation, [outSize]);
    this.useBias = useBias;
    this.useFinalBias = useFinalBias;
    this.inSize = inSize;
    this.outSize = outSize;
    this.widthSize = widthSize;
    this.depth = depth;
    this.scan = scan;
  }

  /**
   * @param x  dtype[inSize], or dtype[] for 'scalar'.
   * @returns dtype[outSize], or dtype[] for 'scalar'.
   * @throws ERR_SHAPE for any other shape; use `filterVmap` for a batch.
   */
  forward(x: Tensor, _options?: ForwardOptions): Tensor {
    requireInput(x, this.inSize === 'scalar' ? [] : [this.inSize], name);
    // As in Equinox, a single layer has no activation at all.
    if (this.depth === 0) return this.layers[0]!.forward(x);
    const value = this.linear(x);
    if (this.finalActivation === identity) return value;
    return this.outSize === 'scalar' ? call(this.finalActivation, value) : each(this.finalActivation, value);
  }

  /** All but the last activation. */
  private linear(x: Tensor): Tensor {
    const [first, ...others] = this.layers;
    const last = others.pop();
    let value = first!.forward(x);
    const hidden = this.depth - 1;
    if (this.scan && hidden > 0) {
      const step = (carry: Tensor, [activation, layer]: readonly [Activation, Linear]) =>
        [layer.forward(each(activation, carry)), null] as const;
      [value] = scan(step, value, [parts(this.activation, hidden), others[0]!] as const);
    } else {
      others.slice(0, hidden).forEach((layer, i) => {
        value = layer.forward(each(part(this.activation, i), value));
      });
    }
    return last!.forward(each(part(this.activation, hidden), value));
  }
}

/** The tree with its tensors repeated over new axes in front. */
function repeated<T>(t: T, axes: readonly number[]): T {
  const repeat = (leaf: unknown): unknown =>
    isArray(leaf) ? leaf.expand([...axes, ...leaf.shape]).contiguous() : leaf;
  return tree.map(repeat, t);
}

/** The first parts of a tree whose tensors have an axis in front. */
function parts<T>(t: T, count: number): T {
  return tree.map((leaf: unknown): unknown => (isArray(leaf) ? leaf.narrow(0, 0, count) : leaf), t);
}

/** The i-th part of a tree whose tensors have an axis in front. */
function part<T>(t: T, i: number): T {
  return tree.map((leaf: unknown): unknown => (isArray(leaf) ? leaf.select(0, i) : leaf), t);
}

/** Layers as one, with an axis in front of each tensor; `like` gives the shapes when there is none. */
function stacked(layers: readonly Linear[], like: Linear): Linear {
  const [first, ...others] = layers;
  if (first === undefined) {
    return tree.map(
      (leaf: unknown): unknown => (isArray(leaf) ? leaf.unsqueeze(0).narrow(0, 0, 0) : leaf),
      like,
    );
  }
  return tree.map((...leaves: unknown[]): unknown => stack(leaves as Tensor[]), first, ...others);
}
