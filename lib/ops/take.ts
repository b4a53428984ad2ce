import { closeScope, openScope } from '../tensor/lifetime';
import { Tensor } from '../tensor/tensor';
import { gather } from './gather';
import * as ops from './generated';
import { planIndex } from './index-plan';
import type { IndexSpec } from './index-spec';

/** Takes the part of a tensor that indices name; `Tensor.index` says how. */
export function take(x: Tensor, specs: readonly IndexSpec[], op: string): Tensor {
  if (!specs.some((spec) => spec instanceof Tensor)) {
    const { views } = planIndex(x, specs, op);
    const [only] = views;
    if (views.length < 2) return only === undefined ? ops.alias(x) : only.take(x);
  }
  return takeInSteps(x, specs, op);
}

function takeInSteps(x: Tensor, specs: readonly IndexSpec[], op: string): Tensor {
  const scope = openScope(`it was a step of ${op}`);
  const kept = new Set<Tensor>();
  try {
    const plan = planIndex(x, specs, op);
    const part = plan.views.reduce<Tensor>((base, view) => view.take(base), x);
    const result = plan.indices.length > 0 ? gather(part, plan) : part === x ? ops.alias(x) : part;
    kept.add(result);
    return result;
  } finally {
    closeScope(scope, kept);
  }
}
