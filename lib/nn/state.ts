import { inspect } from 'node:util';
import { ArgumentError } from '../base/errors';
import { treePformat } from '../module';
import { full } from '../ops';
import { tensor } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import * as tree from '../tree';
import { indicesOf, isDeleted, StateIndex, type Marker } from './state-index';

type Entries = ReadonlyMap<Marker, unknown>;

/** What a state holds for an index: numbers become tensors. */
export type Stored<V> = V extends number | boolean ? Tensor : V;

const name = 'nn.State';

/**
 * The values that a model's layers keep from call to call, such as the running statistics of `BatchNorm`: passed in,
 * and returned anew. It is a tree; its leaves are tensors.
 *
 * `set` and `update` return a new state and make the old one invalid, so that no change is lost by mistake. To go back
 * to an old one on purpose, copy it first: `tree.map((x) => x, state)`.
 *
 * @example
 * const [model, state] = nn.makeWithState(Model)(key);
 * const [y, next] = model.forward(x, { state });
 * @see equinox.nn.State.
 */
export class State {
  private _entries: Entries | undefined;

  /**
   * @param model  A tree with `StateIndex`es that have their initial values; `makeWithState` is the usual way.
   * @throws ERR_ARGUMENT if the initial values were deleted.
   */
  constructor(model: unknown) {
    const entries = new Map<Marker, unknown>();
    for (const { marker, init } of indicesOf(model)) {
      if (isDeleted(init)) {
        throw new ArgumentError(
          `${name}: expected a model with its initial states, got one without. Make both with nn.makeWithState(Model)(...).`,
          { op: name },
        );
      }
      entries.set(marker, tree.map(asTensor, init));
    }
    this._entries = entries;
  }

  /**
   * The value of an index.
   *
   * @throws ERR_ARGUMENT if this state is invalid, or does not know the index.
   */
  get<V>(index: StateIndex<V>): Stored<V> {
    return this._read(index, 'nn.State.get').value as Stored<V>;
  }

  /**
   * A state with a new value for an index. This one becomes invalid.
   *
   * @param value  As the old value: the same structure, shapes and dtypes. Numbers take the dtype of the old value.
   * @throws ERR_ARGUMENT if this state is invalid, does not know the index, or the value is not as the old one.
   */
  set<V>(index: StateIndex<V>, value: Stored<V> | V): State {
    const op = 'nn.State.set';
    const { value: old, entries } = this._read(index, op);
    const next = likeOld(old, value, op);
    this._entries = undefined;
    return State.of(new Map(entries).set(index.marker, next));
  }

  /**
   * The part of the state that some layers use; this one stays valid.
   *
   * @param t  A tree with `StateIndex`es.
   * @throws ERR_ARGUMENT if this state is invalid, or does not know an index.
   */
  substate(t: unknown): State {
    const op = 'nn.State.substate';
    return State.of(new Map(indicesOf(t).map((index) => [index.marker, this._read(index, op).value])));
  }

  /**
   * A state with all values of a substate. This one becomes invalid.
   *
   * @throws ERR_ARGUMENT if this state or the other is invalid, or the other has an index that this one has not.
   */
  update(substate: State): State {
    const op = 'nn.State.update';
    const entries = this._valid(op);
    const given: unknown = substate;
    if (!(given instanceof State)) {
      throw new ArgumentError(`${op}: expected a State, got ${tree.describe(given)}.`, { op });
    }
    const changed = given._valid(op);
    for (const marker of changed.keys()) {
      if (!entries.has(marker)) {
        throw new ArgumentError(
          `${op}: expected a part of this state, got one with the index ${String(marker)}. Make it with state.substate(layer).`,
          { op },
        );
      }
    }
    this._entries = undefined;
    return State.of(new Map([...entries, ...changed]));
  }

  /** The state as `treePformat` prints it; `State(~old~)` if it is invalid. */
  toString(): string {
    return this._entries === undefined ? 'State(~old~)' : treePformat(this);
  }

  [inspect.custom](): string {
    return this.toString();
  }

  /** @internal */
  static of(entries: Entries): State {
    const state = Object.create(State.prototype) as State;
    state._entries = entries;
    return state;
  }

  /** @internal */
  _valid(op: string): Entries {
    if (this._entries !== undefined) return this._entries;
    throw new ArgumentError(
      `${op}: expected the newest state, got one from which a newer one was made. Use what the last layer returned; ` +
        'to keep an old state on purpose, copy it first: tree.map((x) => x, state).',
      { op },
    );
  }

  private _read(index: unknown, op: string): { readonly value: unknown; readonly entries: Entries } {
    const entries = this._valid(op);
    if (!(index instanceof StateIndex)) {
      throw new ArgumentError(`${op}: expected a StateIndex, got ${tree.describe(index)}.`, { op });
    }
    if (!entries.has(index.marker)) {
      throw new ArgumentError(
        `${op}: expected an index of this state, got ${String(index.marker)}. Make model and state together, with nn.makeWithState.`,
        { op },
      );
    }
    return { value: entries.get(index.marker), entries };
  }
}

tree.register(State, {
  flatten: (state) => {
    const entries = state._valid(name);
    return [[...entries.values()], [...entries.keys()]];
  },
  unflatten: (values, markers) =>
    State.of(new Map((markers as readonly Marker[]).map((marker, i) => [marker, values[i]]))),
  names: (markers) => (markers as readonly Marker[]).map((marker) => String(marker)),
});

/** @throws ERR_ARGUMENT unless the options have a state. */
export function requireState(options: { readonly state?: unknown } | undefined, layer: string): State {
  const state = options?.state;
  if (state instanceof State) return state;
  throw new ArgumentError(
    `${layer}: expected a state, because it keeps some from call to call, got ${state === null ? 'null' : typeof state}. ` +
      'Pass { state }, which nn.makeWithState(Model)(...) makes together with the model.',
    { op: layer },
  );
}

function asTensor(leaf: unknown): unknown {
  return typeof leaf === 'number' || typeof leaf === 'boolean' ? tensor(leaf) : leaf;
}

/** The new value with numbers as tensors, if it fits the old one. */
function likeOld(old: unknown, value: unknown, op: string): unknown {
  const [before, structure] = tree.flatten(old);
  const [after, given] = tree.flatten(value);
  if (structure.equals(given)) {
    const next = before.map((was, i) => asTensorLike(was, after[i]));
    if (next.every((is, i) => isLike(before[i], is))) return tree.unflatten(structure, next);
  }
  throw new ArgumentError(
    `${op}: expected a value like the old one, ${treePformat(old)}, got ${treePformat(value)}.`,
    { op },
  );
}

function asTensorLike(old: unknown, value: unknown): unknown {
  if (!(old instanceof Tensor) || (typeof value !== 'number' && typeof value !== 'boolean')) return value;
  return full([], value, { dtype: old.dtype, device: old.device });
}

function isLike(old: unknown, value: unknown): boolean {
  if (!(old instanceof Tensor) || !(value instanceof Tensor)) return Object.is(old, value);
  return (
    old.dtype === value.dtype &&
    old.ndim === value.ndim &&
    old.shape.every((size, axis) => size === value.shape[axis])
  );
}
