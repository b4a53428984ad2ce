import { ArgumentError } from '../base/errors';
import { Tensor } from '../tensor/tensor';
import * as tree from '../tree';

/** @throws ERR_ARGUMENT unless the wrapped layer has a tensor of that name. */
export function namedWeight(wrapped: unknown, weightName: string, layer: string): Tensor {
  const weight = (wrapped as Readonly<Record<string, unknown>> | null | undefined)?.[weightName];
  if (weight instanceof Tensor) return weight;
  throw new ArgumentError(
    `${layer}: expected weightName to name a tensor of the layer, got ${JSON.stringify(weightName)}, which is ${tree.describe(weight)}.`,
    { op: layer },
  );
}

/** The wrapped layer with another weight. */
export function withWeight<L>(wrapped: L, weightName: string, weight: Tensor): L {
  return tree.treeAt((layer) => (layer as Readonly<Record<string, unknown>>)[weightName], wrapped, weight);
}
