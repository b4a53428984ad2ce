/** Layers, with the parameters, the initial values and the meaning of `equinox.nn`'s. Each takes one example. */
export {
  celu,
  elu,
  gelu,
  glu,
  hardSigmoid,
  hardSilu,
  hardTanh,
  identity,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  oneHot,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softSign,
  squareplus,
  standardize,
  tanh,
} from './activations';
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  AdaptivePool,
  type ReduceOperation,
} from './adaptive-pool';
export type { ForwardOptions, InitOptions, PaddingLike, Pads, PerAxis } from './arguments';
export { BatchNorm, type BatchNormMode, type BatchNormOptions } from './batch-norm';
export { Conv, Conv1d, Conv2d, Conv3d, type ConvOptions } from './conv';
export {
  ConvTranspose,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeOptions,
} from './conv-transpose';
export { Dropout, type InferenceOptions } from './dropout';
export { Embedding, type EmbeddingOptions } from './embedding';
export { GroupNorm, type GroupNormOptions } from './group-norm';
export { GRUCell, type CellOptions } from './gru-cell';
export { Identity } from './identity';
export { inferenceMode } from './inference-mode';
export * as initializers from './initializers';
export { Lambda } from './lambda';
export { LayerNorm } from './layer-norm';
export { Linear, type LinearOptions } from './linear';
export { LSTMCell, type LSTMState } from './lstm-cell';
export { makeWithState, type Maker } from './make-with-state';
export { MLP, type Activation, type MLPOptions } from './mlp';
export {
  MultiheadAttention,
  type AttentionOptions,
  type MultiheadAttentionOptions,
  type ProcessHeads,
} from './multihead-attention';
export type { AutoPadding, PaddingMode } from './padding';
export {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  Pool,
  type PoolOperation,
  type PoolOptions,
} from './pool';
export { PReLU } from './prelu';
export { RMSNorm } from './rms-norm';
export { RotaryPositionalEmbedding, type RotaryOptions } from './rotary-positional-embedding';
export { Sequential, StatefulLayer, type Layer } from './sequential';
export type { ShapeNormOptions } from './shape-norm';
export { Shared } from './shared';
export { SpectralNorm, type SpectralNormOptions } from './spectral-norm';
export { State, type Stored } from './state';
export { deleteInitState, StateIndex } from './state-index';
export { WeightNorm, type WeightNormOptions } from './weight-norm';
