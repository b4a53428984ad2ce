import { isComplex } from '../base/complex';
import { dtypeInfo, type DTypeKind } from '../base/dtype';
import { DtypeError, ShapeError } from '../base/errors';
import { closeScope, openScope } from '../tensor/lifetime';
import { Tensor } from '../tensor/tensor';
import * as ops from './generated';
import { moveAxes, positionsOf, scatterReduce, targetShape } from './gather';
import { planIndex, type IndexPlan } from './index-plan';
import type { IndexSpec } from './index-spec';
import { take } from './take';
import { describe } from './mismatch';
import type { TensorLike } from './types';

type Update = 'set' | 'add' | 'mul' | 'min' | 'max';

const reductions = { mul: 'prod', min: 'amin', max: 'amax' } as const;

/**
 * A part of a tensor that is to be updated, as `x.at(...)` gives it. Every update returns a new tensor.
 *
 * The value must broadcast to the part and must fit the tensor's dtype. Where the same element is named several times,
 * `add`, `mul`, `min` and `max` take every value into account, and `set` keeps one of them.
 *
 * @see jax.numpy.ndarray.at. Differences: a position out of range is an error instead of being ignored, and so is a
 *   value whose dtype does not fit.
 */
export class At {
  private readonly base: Tensor;
  private readonly specs: readonly IndexSpec[];

  /** @internal */
  constructor(base: Tensor, specs: readonly IndexSpec[]) {
    this.base = base;
    this.specs = specs;
  }

  /** The part itself, the same as `x.index(...)`. */
  get(): Tensor {
    return take(this.base, this.specs, 'at.get');
  }

  /** Puts `value` in the place of the part. */
  set(value: TensorLike): Tensor {
    return this.update('set', value);
  }

  /** Adds `value` to the part. */
  add(value: TensorLike): Tensor {
    return this.update('add', value);
  }

  /** Multiplies the part by `value`. */
  mul(value: TensorLike): Tensor {
    return this.update('mul', value);
  }

  /** Takes the smaller of the part and `value`, element by element. */
  min(value: TensorLike): Tensor {
    return this.update('min', value);
  }

  /** Takes the larger of the part and `value`, element by element. */
  max(value: TensorLike): Tensor {
    return this.update('max', value);
  }

  private update(kind: Update, value: TensorLike): Tensor {
    const op = `at.${kind}`;
    const scope = openScope(`it was a step of ${op}`);
    const kept = new Set<Tensor>();
    try {
      const result = updated(
        this.base,
        planIndex(this.base, this.specs, op),
        kind,
        toValue(this.base, value, op),
        op,
      );
      kept.add(result);
      return result;
    } finally {
      closeScope(scope, kept);
    }
  }
}

function updated(x: Tensor, plan: IndexPlan, kind: Update, value: Tensor, op: string): Tensor {
  const bases = [x];
  let part = x;
  for (const view of plan.views) bases.push((part = view.take(part)));
  part = plan.indices.length === 0 ? combined(kind, part, value, op) : scattered(kind, part, plan, value, op);
  for (const [i, view] of [...plan.views.entries()].reverse()) part = view.put(bases[i] ?? x, part);
  return part;
}

/** The updated part where no element is named twice. */
function combined(kind: Update, part: Tensor, value: Tensor, op: string): Tensor {
  const fitting = broadcast(value, part.shape, describe(part), op);
  switch (kind) {
    case 'set':
      return fitting;
    case 'add':
      return ops.add(part, fitting);
    case 'mul':
      return ops.mul(part, fitting);
    case 'min':
      return ops.minimum(part, fitting);
    case 'max':
      return ops.maximum(part, fitting);
  }
}

function scattered(kind: Update, base: Tensor, plan: IndexPlan, value: Tensor, op: string): Tensor {
  const mask = value.ndim === 0 ? maskOver(base, plan) : undefined;
  if (mask !== undefined) return ops.where(mask, combined(kind, base, value, op), base);

  const positions = positionsOf(plan);
  const shape = targetShape(base, plan, positions);
  const values = broadcast(value, shape, `${base.dtype}[${shape.join(',')}]`, op);
  if (kind !== 'set' && kind !== 'add') return scatterReduce(base, plan, positions, values, reductions[kind]);
  const placed = moveAxes(values, plan.place, plan.libtorchPlace, positions.shape.length);
  return ops.indexPut(base, positions.byAxis, placed, kind === 'add');
}

/**
 * The mask, ready to broadcast to the base, where a mask is the only tensor among the indices. One value then needs
 * no positions, so that such an update works inside `jit` too.
 */
function maskOver(base: Tensor, plan: IndexPlan): Tensor | undefined {
  const [mask, ...others] = plan.indices.filter((index) => index !== null);
  if (mask?.dtype !== 'bool' || others.length > 0) return undefined;
  const after = base.ndim - plan.indices.indexOf(mask) - mask.ndim;
  return ops.reshape(mask, [...mask.shape, ...new Array<number>(after).fill(1)]);
}

function broadcast(value: Tensor, shape: readonly number[], part: string, op: string): Tensor {
  const lead = shape.length - value.ndim;
  if (lead < 0 || value.shape.some((size, axis) => size !== 1 && size !== shape[axis + lead])) {
    throw new ShapeError(`${op}: expected a value that broadcasts to ${part}, got ${describe(value)}.`, {
      op,
    });
  }
  return ops.expand(value, shape);
}

/** The value as a tensor of the base's dtype. */
function toValue(base: Tensor, value: TensorLike, op: string): Tensor {
  const { dtype } = base;
  const fits =
    value instanceof Tensor ? ops.canCast(value.dtype, dtype) : scalarFits(value, dtypeInfo(dtype).kind);
  if (!fits) {
    const hint = value instanceof Tensor ? ` Convert it first: value.to('${dtype}').` : '';
    throw new DtypeError(`${op}: expected a value that fits ${dtype}, got ${describe(value)}.${hint}`, {
      op,
    });
  }
  return value instanceof Tensor
    ? ops.to(value, dtype)
    : ops.scalarTensor(value, { dtype, device: base.device });
}

function scalarFits(value: Exclude<TensorLike, Tensor>, kind: DTypeKind): boolean {
  if (typeof value === 'boolean' || kind === 'complex') return true;
  if (isComplex(value) || kind === 'bool') return false;
  return kind === 'float' || typeof value === 'bigint' || Number.isInteger(value);
}
