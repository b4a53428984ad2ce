import type { Workload } from '../workload';
import { call, eagerAdd } from './call';
import { cnn, cnnInference, cnnServed } from './cnn';
import { hessianOfMlp, perSample } from './derivatives';
import { mlpMnist, mlpSmall } from './mlp';
import { gru, lstm } from './recurrent';
import { resnet } from './resnet';
import { transformer, transformerInference, transformerServed } from './transformer';

/** Everything that is measured, in the order of the table. */
export const workloads: readonly Workload[] = [
  call,
  eagerAdd,
  mlpSmall,
  mlpMnist,
  cnn,
  resnet,
  gru,
  lstm,
  transformer,
  perSample,
  hessianOfMlp,
  cnnInference,
  cnnServed,
  transformerInference,
  transformerServed,
];
