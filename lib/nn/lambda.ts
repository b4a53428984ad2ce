import { ArgumentError } from '../base/errors';
import { call, isCallable, Module, type Callable } from '../module';
import { describe } from '../tree';
import type { ForwardOptions } from './arguments';

/**
 * A function as a layer. The function is a leaf of the tree; a module in its place is a child.
 *
 * @example
 * new nn.Sequential([new nn.Linear(2, 8, { key }), new nn.Lambda(relu)]);
 * @see equinox.nn.Lambda.
 */
export class Lambda<A = never, R = unknown> extends Module {
  readonly fn: Callable<[x: A], R>;

  /** @throws ERR_ARGUMENT if `fn` is neither a function nor a module with a method `forward`. */
  constructor(fn: Callable<[x: A], R>) {
    super();
    if (!isCallable(fn)) {
      throw new ArgumentError(`nn.Lambda: expected a function, got ${describe(fn)}.`, { op: 'nn.Lambda' });
    }
    this.fn = fn;
  }

  /** @returns `fn(x)`. */
  forward(x: A, _options?: ForwardOptions): R {
    return call(this.fn, x);
  }
}
