import { ArgumentError } from '../base/errors';
import { describe, isPlainObject, printValue } from '../tree';
import { call, isCallable, type Callable } from './call';
import { Module } from './module';

/**
 * A function or module with its first arguments filled in. As a module: what it holds is visible to transforms,
 * where the variables of a closure are not.
 *
 * @example
 * const scaled = new Partial(scale, [weight]);
 * filterGrad((f: typeof scaled) => f.forward(x))(scaled);
 * @see equinox.Partial. Differences: keyword arguments are an options object, given to `func` as its last argument.
 */
export class Partial<R = unknown> extends Module {
  readonly func: Callable<never[], R>;
  readonly args: readonly unknown[];
  readonly keywords: Readonly<Record<string, unknown>>;

  /**
   * @param func  A function or a module.
   * @param args  Its first arguments.
   * @param keywords  Options, merged with those that the call brings.
   * @throws ERR_ARGUMENT for arguments of other kinds.
   */
  constructor(
    func: Callable<never[], R>,
    args: readonly unknown[] = [],
    keywords: Readonly<Record<string, unknown>> = {},
  ) {
    super();
    const refuse = (expected: string, got: unknown): ArgumentError =>
      new ArgumentError(`Partial: expected ${expected}, got ${describe(got)}.`, { op: 'Partial' });
    if (!isCallable(func)) throw refuse('a function or a module', func);
    if (!Array.isArray(args)) throw refuse('its first arguments in an array', args);
    if (!isPlainObject(keywords)) throw refuse('its options in an object', keywords);
    this.func = func;
    this.args = args;
    this.keywords = keywords;
  }

  /**
   * Calls the function with the arguments of the partial and then these.
   *
   * @throws ERR_ARGUMENT if an option is given here and in the partial.
   */
  forward(...args: unknown[]): R {
    const all = [...this.args, ...args];
    if (Object.keys(this.keywords).length > 0)
      all.push(this._options(args.length > 0 ? all.pop() : undefined, all));
    return call(this.func as Callable<unknown[], R>, ...all);
  }

  private _options(last: unknown, before: unknown[]): Readonly<Record<string, unknown>> {
    if (!isPlainObject(last)) {
      if (last !== undefined) before.push(last);
      return this.keywords;
    }
    for (const name of Object.keys(last)) {
      if (Object.hasOwn(this.keywords, name)) {
        throw new ArgumentError(
          `Partial: expected each option once, got ${name}=${printValue(last[name])} for one that the partial has.`,
          { op: 'Partial' },
        );
      }
    }
    return { ...this.keywords, ...last };
  }
}
