/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters -- they are what is compared */
// Checked by the compiler alone: what must, and must not, type-check.
import { combine, filter, isArray, isInexactArray, partition } from '../../lib/filter';
import { applyUpdates, bind, call, field, Module, module, Partial, treeEqual } from '../../lib/module';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  Enumeration,
  filterGrad,
  filterJit,
  filterValueAndGrad,
  type EnumerationItem,
} from '../../lib/transform';
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

abstract class AbstractLayer extends Module {
  abstract readonly size: number;
  abstract forward(x: Tensor): Tensor;
}
export class Layer extends AbstractLayer {
  override readonly size: number = 3;
  readonly weight = tensor;
  override forward(x: Tensor): Tensor {
    return x;
  }
}
// @ts-expect-error a method and a field stay abstract
export class HalfLayer extends AbstractLayer {}
// @ts-expect-error abstract classes have no instances
new AbstractLayer();

class Model extends Module {
  readonly layers: readonly [Layer, (x: Tensor) => Tensor, Layer] = [new Layer(), (x) => x, new Layer()];
  readonly bias: Tensor | null = null;
  loss(x: Tensor, scale: number): Tensor {
    return this.layers[0].forward(x).mul(scale);
  }
}
const model = new Model();
declare const loss: (model: Model, x: Tensor) => Tensor;

export function transformsKeepTheModel(): void {
  const grads = filterGrad(loss)(model, tensor);
  exactly<Model>()(grads);
  const [value, both] = filterValueAndGrad(loss)(model, tensor);
  exactly<Tensor>()(value);
  exactly<Model>()(both);
  const [withAux, aux] = filterGrad((m: Model, x: Tensor) => [loss(m, x), 'aux'] as const, { hasAux: true })(
    model,
    tensor,
  );
  exactly<Model>()(withAux);
  exactly<'aux'>()(aux);
  const next = filterJit((m: Model) => applyUpdates(m, filterGrad(loss)(m, tensor)))(model);
  exactly<Model>()(next);
  const [params, rest] = partition(model, isInexactArray);
  const first = combine(params, rest).layers[0];
  exactly<Layer>()(first);
  // @ts-expect-error the model has no such argument
  filterGrad(loss)(net, tensor);
}

export function selectors(): void {
  const one = treeAt((m) => m.layers[2].weight, model, tensor);
  exactly<Model>()(one);
  const several = treeAt((m) => [m.layers[0].weight, m.bias], model, [tensor, null]);
  exactly<Model>()(several);
  const computed = treeAt((m) => m.bias, model, { replaceFn: (x: Tensor) => x.add(1) });
  exactly<Model>()(computed);
  // @ts-expect-error there is no fourth layer
  treeAt((m) => m.layers[3], model, null);
  // @ts-expect-error a function has no weight
  treeAt((m) => m.layers[1].weight, model, null);
}

export function methods(): void {
  const bound = bind(model, 'loss');
  exactly<Parameters<typeof bound.forward>>()([tensor, 1] as [x: Tensor, scale: number]);
  const out = call(bound, tensor, 2);
  exactly<Tensor>()(out);
  exactly<Model>()(bound.self);
  // @ts-expect-error a field is no method
  bind(model, 'bias');
  // @ts-expect-error the method takes a number
  bound.forward(tensor, 'x');
  const partial = new Partial((x: Tensor, n: number) => x.mul(n), [tensor]);
  exactly<Tensor>()(partial.forward(2));
}

export function enumerations(): void {
  const Result = new Enumeration('Result', { success: '', stuck: 'no progress' });
  exactly<readonly ('success' | 'stuck')[]>()(Result.names);
  const chosen = Result.where(true, Result.success, Result.stuck);
  exactly<EnumerationItem<'success' | 'stuck'>>()(chosen);
  exactly<Tensor>()(chosen.eq(Result.stuck));
  const More = new Enumeration('More', { overloaded: '' }, [Result]);
  const promoted = More.promote(Result.success);
  exactly<typeof More.overloaded>()(promoted);
  exactly<EnumerationItem<'success' | 'stuck' | 'overloaded'>>()(More.stuck);
  // @ts-expect-error there is no such item
  String(Result.overloaded);
  // @ts-expect-error an item of another enumeration
  Result.where(true, Result.success, More.overloaded);
  // @ts-expect-error messages are strings
  new Enumeration('Wrong', { a: 1 });
}
