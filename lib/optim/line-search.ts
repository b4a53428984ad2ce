import { ArgumentError } from '../base/errors';
import { applyUpdates } from '../module';
import type { Tensor } from '../tensor/tensor';
import { filterValueAndGrad } from '../transform';
import { requireParams, type ExtraArguments } from './base';
import { requireValue } from './scale-by-norm';
import { kept, scalarLike } from './scalar';
import { innerProduct } from './dot';
import { Updates } from './updates';

/** A point of the line: the value there, the gradients, and the slope along the line. */
export interface Point {
  readonly value: Tensor;
  readonly grads: readonly Tensor[];
  readonly slope: Tensor;
}

/**
 * The line from the parameters along the updates.
 *
 * @throws ERR_ARGUMENT if `update` got no parameters, value, gradients or function.
 */
export class Line {
  private readonly updates: Updates<unknown>;
  private readonly params: unknown;
  private readonly valueFn: (params: unknown) => Tensor;
  /** The value where it begins. */
  readonly value: Tensor;
  /** The gradients there. */
  readonly grads: readonly Tensor[];
  /** The slope there. */
  readonly slope: Tensor;

  constructor(updates: unknown, params: unknown, extra: ExtraArguments | undefined, op: string) {
    this.updates = new Updates(updates, op);
    this.params = requireParams(params, op);
    const { value, grad, valueFn } = extra ?? {};
    requireValue(value, op);
    if (grad === undefined || grad === null) throw missing('the gradients as grad', grad, op);
    if (typeof valueFn !== 'function') throw missing('the function as valueFn', valueFn, op);
    this.valueFn = valueFn as (params: unknown) => Tensor;
    this.grads = this.tensorsAt(grad, 'grad');
    this.slope = innerProduct(this.updates.tensors, this.grads);
    this.value = scalarLike(value as Tensor, this.slope);
  }

  /** The updates times a factor. */
  scaled(stepsize: Tensor): unknown {
    return this.updates.map((update) => update.mul(kept(stepsize, update.dtype)));
  }

  /** What lies a step along the line. */
  at(stepsize: Tensor): Point {
    const [value, grad] = filterValueAndGrad(this.valueFn)(applyUpdates(this.params, this.scaled(stepsize)));
    const grads = this.tensorsAt(grad, 'the gradients');
    return { value: kept(value, this.value.dtype), grads, slope: innerProduct(grads, this.updates.tensors) };
  }

  /** The value a step along the line. */
  valueAt(stepsize: Tensor): Tensor {
    return kept(this.valueFn(applyUpdates(this.params, this.scaled(stepsize))), this.value.dtype);
  }

  /** A tree like the updates, from its tensors. */
  treeOf(tensors: readonly Tensor[]): unknown {
    return this.updates.withTensors(tensors);
  }

  private tensorsAt(t: unknown, name: string): readonly Tensor[] {
    return new Updates(
      this.updates.map((_update, one) => one, { [name]: t }),
      name,
    ).tensors;
  }
}

function missing(what: string, got: unknown, op: string): ArgumentError {
  return new ArgumentError(
    `${op}: expected ${what} in the fourth argument of update, got ${got === null ? 'null' : typeof got}. ` +
      'Call update(grads, state, model, { value, grad: grads, valueFn }).',
    { op },
  );
}
