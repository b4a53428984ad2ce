export { batches, type Batches, type BatchOptions } from './batches';
export { mnist, type LabelledImages, type MnistOptions } from './mnist';
