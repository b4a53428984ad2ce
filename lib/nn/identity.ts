import { Module } from '../module';
import type { ForwardOptions } from './arguments';

/**
 * Gives back its input: a place holder where a module is asked for.
 *
 * @see equinox.nn.Identity. The constructor takes any arguments and ignores them.
 */
export class Identity extends Module {
  constructor(..._ignored: readonly unknown[]) {
    super();
  }

  /** @returns `x` itself. */
  forward<T>(x: T, _options?: ForwardOptions): T {
    return x;
  }
}
