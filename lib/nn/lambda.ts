import { call, Module, type Callable } from '../module';
import { requireCallable, type ForwardOptions } from './arguments';

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
    requireCallable(fn, 'fn', 'nn.Lambda');
    this.fn = fn;
  }

  /** @returns `fn(x)`. */
  forward(x: A, _options?: ForwardOptions): R {
    return call(this.fn, x);
  }
}
