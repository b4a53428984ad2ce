import { ArgumentError } from '../base/errors';
import { isCallable, Module, type Callable } from '../module';
import * as random from '../random';
import { requireKey } from '../random/key';
import { describe } from '../tree';
import type { Tensor } from '../tensor/tensor';
import type { ForwardOptions } from './arguments';

/**
 * The base of layers that have state: their `forward(x, { state, key })` returns `[y, nextState]`.
 *
 * @see equinox.nn.StatefulLayer.
 */
export abstract class StatefulLayer extends Module {
  /** Whether the layer takes and returns state; a class whose answer depends on what it holds has its own. */
  isStateful(): boolean {
    return true;
  }
}

/** A layer, or a plain function of the tensor. */
export type Layer = Callable<[x: Tensor]> | StatefulLayer;

/**
 * Layers that are applied one after another.
 *
 * @example
 * const model = new nn.Sequential([new nn.Linear(2, 8, { key: k1 }), relu, new nn.Linear(8, 2, { key: k2 })]);
 * const last = model.get(-1);
 * @see equinox.nn.Sequential. Difference: plain functions need no `Lambda` around them; they get no key.
 */
export class Sequential extends StatefulLayer {
  readonly layers: readonly Layer[];

  /** @throws ERR_ARGUMENT for what is no array, or naming the first element that is neither a function nor a module with `forward`. */
  constructor(layers: readonly Layer[]) {
    super();
    const given: unknown = layers;
    if (!Array.isArray(given)) {
      throw new ArgumentError(`nn.Sequential: expected an array of layers, got ${describe(given)}.`, {
        op: 'nn.Sequential',
      });
    }
    layers.forEach((layer, i) => {
      if (!isCallable(layer)) {
        throw new ArgumentError(
          `nn.Sequential: expected layers and functions, got ${describe(layer)} at [${i}].`,
          { op: 'nn.Sequential' },
        );
      }
    });
    this.layers = [...layers];
  }

  /** Whether some layer has state. */
  override isStateful(): boolean {
    return this.layers.some(isStatefulLayer);
  }

  /**
   * @param x  What the first layer takes.
   * @param options  `key` is split, a part for each layer; `state` goes through the layers that have state.
   * @returns What the last layer returns; together with the state, `[y, state]`, if `state` was given.
   * @throws ERR_ARGUMENT if a layer has state and none was given.
   */
  forward<S>(x: Tensor, options: ForwardOptions & { readonly state: S }): readonly [y: Tensor, state: S];
  // Last, because that is the one which `filterVmap(sequential)` takes its type from.
  forward(x: Tensor, options?: ForwardOptions & { readonly state?: undefined }): Tensor;
  forward(x: Tensor, options: ForwardOptions & { readonly state?: unknown } = {}): unknown {
    const { key } = options;
    if (key !== null && key !== undefined) requireKey(key, 'nn.Sequential');
    const keys = key === null || key === undefined ? null : random.split(key, this.layers.length);
    let value: unknown = x;
    let { state } = options;
    this.layers.forEach((layer, i) => {
      if (typeof layer === 'function') {
        value = layer(value as Tensor);
        return;
      }
      const own = keys === null ? null : keys.select(0, i);
      if (isStatefulLayer(layer)) {
        if (state === undefined) {
          throw new ArgumentError(
            `nn.Sequential: expected a state for the layer at [${i}], which has state, got undefined. Pass { state }.`,
            { op: 'nn.Sequential' },
          );
        }
        [value, state] = (layer as Forward).forward(value, { key: own, state }) as [unknown, unknown];
      } else {
        value = (layer as Forward).forward(value, { key: own });
      }
    });
    return options.state === undefined ? value : [value, state];
  }

  /** The number of layers. */
  get length(): number {
    return this.layers.length;
  }

  /**
   * The layer at a position, which counts from the end when negative.
   *
   * @throws ERR_ARGUMENT if there is none.
   */
  get(index: number): Layer {
    const layer = this.layers.at(index);
    if (layer !== undefined && Number.isInteger(index)) return layer;
    throw new ArgumentError(
      `nn.Sequential: expected an index from ${-this.length} to ${this.length - 1}, got ${index}.`,
      { op: 'nn.Sequential' },
    );
  }

  /** The layers from `start` up to, and without, `end`; negative positions count from the end. */
  slice(start?: number, end?: number): Sequential {
    return new Sequential(this.layers.slice(start, end));
  }

  [Symbol.iterator](): Iterator<Layer> {
    return this.layers[Symbol.iterator]();
  }
}

interface Forward {
  forward(x: unknown, options: ForwardOptions & { readonly state?: unknown }): unknown;
}

function isStatefulLayer(layer: unknown): boolean {
  return layer instanceof StatefulLayer && layer.isStateful();
}
