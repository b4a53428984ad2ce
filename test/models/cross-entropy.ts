import { nn, type Tensor } from '../../lib';

/** The mean of −log softmax(logits) at the labels: float[batch, classes] and int[batch] to float[]. */
export function crossEntropy(logits: Tensor, labels: Tensor): Tensor {
  return nn.logSoftmax(logits).takeAlongDim(labels.to('int64').unsqueeze(-1), -1).mean().neg();
}
