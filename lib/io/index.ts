export type { ByteSink } from './atomic-write';
export type { ByteSource } from './byte-source';
export type { CheckpointInfo } from './checkpoint-file';
export {
  Checkpointer,
  type Checkpoint,
  type CheckpointerOptions,
  type SaveCheckpointOptions,
} from './checkpointer';
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
export { loadStateDict, type LoadStateDictOptions } from './load-state-dict';
export { loadNpy, loadNpz, saveNpy, saveNpz, type LoadNpzOptions } from './npz';
export {
  loadSafetensors,
  safetensorsInfo,
  saveSafetensors,
  type LoadSafetensorsOptions,
  type SafetensorsInfo,
  type SaveSafetensorsOptions,
} from './safetensors';
export { fromStateDict, stateDict, type FromStateDictOptions, type StateDict } from './state-dict';
export { exportTorchScript, loadTorchScript, type TorchScriptModule } from './torchscript';
