import { ArgumentError } from '../base/errors';
import { describe } from '../tree';
import { field } from './field';
import { Module } from './module';

/** The names of a module's methods. */
export type MethodName<M> = {
  [K in keyof M]-?: M[K] extends (...args: never[]) => unknown ? K : never;
}[keyof M] &
  string;

type Method<M, K extends keyof M> = M[K] extends (...args: infer A) => infer R ? (...args: A) => R : never;

/**
 * A method with the module that it belongs to, as `bind` makes it: a module whose `forward` is that method, and whose
 * leaves are those of the module.
 */
export class BoundMethod<M extends Module, K extends MethodName<M>> extends Module {
  static readonly fields = { method: field({ static: true }) };
  readonly self: M;
  readonly method: K;

  /** @internal */
  constructor(self: M, method: K) {
    super();
    this.self = self;
    this.method = method;
  }

  /** Calls the method. */
  forward(...args: Parameters<Method<M, K>>): ReturnType<Method<M, K>> {
    const method = this.self[this.method] as Method<M, K>;
    return method.apply(this.self, args) as ReturnType<Method<M, K>>;
  }
}

/**
 * A method of a module as a value: to hand to transforms, and to keep in fields. `model.loss` alone has lost its
 * model, and `model.loss.bind(model)` hides the parameters from transforms; here they are leaves.
 *
 * @param self  The module.
 * @param method  The name of its method.
 * @returns A module whose `forward` is the method.
 * @throws ERR_ARGUMENT if the module has no such method.
 * @example
 * const encode = filterJit(bind(model, 'encode')); // compiled once for all models of that structure
 * @see equinox.Module, whose methods are such modules by themselves (`BoundMethod`).
 */
export function bind<M extends Module, K extends MethodName<M>>(self: M, method: K): BoundMethod<M, K> {
  if (!(self instanceof Module)) {
    throw new ArgumentError(`bind: expected a module, got ${describe(self)}. Use Partial for functions.`, {
      op: 'bind',
    });
  }
  if (typeof self[method] !== 'function') {
    throw new ArgumentError(
      `bind: expected the name of a method of ${self.constructor.name}, got ${JSON.stringify(method)}.`,
      { op: 'bind' },
    );
  }
  return new BoundMethod(self, method);
}
