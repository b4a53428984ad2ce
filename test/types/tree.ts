/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters -- they are what is compared */
// Checked by the compiler alone: what must, and must not, type-check.
import { combine, filter, isArray, isInexactArray, partition } from '../../lib/filter';
import { applyUpdates, call, field, Module, module, treeEqual } from '../../lib/module';
import type { Tensor } from '../../lib/tensor/tensor';
import { map, mapWithPath, reduce, register, treeAt } from '../../lib/tree';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** `exactly<T>()(value)` compiles only if the type of `value` is `T`. */
function exactly<T>(): <U>(value: U, ...proof: Same<T, U> extends true ? [] : ['different types']) => void {
  return () => undefined;
}

// @ts-expect-error the check itself tells types apart
exactly<string>()(1);

declare const tensor: Tensor;
declare const anything: unknown;

class Net extends Module {
  static readonly fields = { size: field({ static: true, converter: (n: number) => n }) };
  readonly weight = tensor;
  readonly size = 3;

  forward(x: Tensor): Tensor {
    return x;
  }
}
const net = new Net();

export function filters(): void {
  const [kept, removed] = partition(net, isInexactArray);
  exactly<Net>()(kept);
  exactly<Net>()(removed);
  const whole = combine(kept, removed);
  exactly<Net>()(whole);
  const filtered = filter({ a: [tensor] }, isArray, { inverse: true });
  exactly<{ a: Tensor[] }>()(filtered);
  const updated = applyUpdates(net, anything);
  exactly<Net>()(updated);
  const replaced = treeAt((m) => m.weight, net, 1);
  exactly<Net>()(replaced);
  // @ts-expect-error a module has no such field
  treeAt((m) => m.wait, net, 1);
  if (isArray(anything)) exactly<Tensor>()(anything);
  // @ts-expect-error one tree is not enough
  treeEqual(net);
}

export function maps(): void {
  const numbers = map((x) => x * 2, { a: 1, b: [2, 3] });
  exactly<{ a: number; b: number[] }>()(numbers);
  const modules = map((p: Tensor, _g: Tensor) => p, net, net);
  exactly<Net>()(modules);
  const shapes = map((x: Tensor) => x.shape.length, { w: tensor, rest: [tensor, null] as const });
  exactly<{ w: number; rest: readonly [number, null] }>()(shapes);
  const texts = mapWithPath((path, x) => `${path.length}${x}`, new Map([['a', 1]]));
  exactly<Map<string, string>>()(texts);
  const unknowns = map((x: Tensor) => x, anything);
  exactly<unknown>()(unknowns);
  const count = reduce((sum: number, x: Tensor) => sum + x.size, net, 0);
  exactly<number>()(count);
  // @ts-expect-error what the leaves of unknown trees are must be said
  map((x) => x.shape, anything);
  // @ts-expect-error and so must the leaves of further trees
  map((p: Tensor, g) => [p, g.shape].length, net, net);
}

export function keepsTheTypeInGenericCode<T>(params: T): T {
  return map((p: Tensor) => p, params);
}

export function calls(): void {
  const out = call(net, tensor);
  exactly<Tensor>()(out);
  const length = call((text: string) => text.length, 'a');
  exactly<number>()(length);
  // @ts-expect-error a string is no tensor
  call(net, 'a');
  // @ts-expect-error not callable
  call(3);
}

export const Decorated = module(
  class Inner extends Module {
    readonly x: number;
    constructor(x: number) {
      super();
      this.x = x;
    }
  },
);
export const decorated: { readonly x: number } = new Decorated(1);
// @ts-expect-error the constructor's parameters stay
new Decorated('a');
// @ts-expect-error only modules
module(Date);

export function mistakes(): void {
  // @ts-expect-error fields are read-only
  net.weight = tensor;
  // @ts-expect-error no such option
  field({ statik: true });
  // @ts-expect-error unflatten builds an instance of the class
  register(Date, { flatten: () => [[]], unflatten: () => 5 });
}
