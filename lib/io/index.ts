export type { ByteSink } from './atomic-write';
export type { ByteSource } from './byte-source';
export {
  defaultDeserialiseFilterSpec,
  defaultSerialiseFilterSpec,
  treeDeserialiseLeaves,
  treeSerialiseLeaves,
  type DeserialiseLeaf,
  type DeserialiseOptions,
  type LeafSource,
  type SerialiseLeaf,
  type SerialiseOptions,
} from './eqx';
