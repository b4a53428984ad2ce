/** Layers, with the parameters, the initial values and the meaning of `equinox.nn`'s. Each takes one example. */
export type { ForwardOptions, InitOptions, PaddingLike, Pads, PerAxis } from './arguments';
export { Conv, Conv1d, Conv2d, Conv3d, type ConvOptions } from './conv';
export { Identity } from './identity';
export { Lambda } from './lambda';
export { Linear, type LinearOptions } from './linear';
export { MLP, type Activation, type MLPOptions } from './mlp';
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
export { Sequential, StatefulLayer, type Layer } from './sequential';
