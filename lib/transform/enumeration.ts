import { ArgumentError } from '../base/errors';
import { warnOnce } from '../base/warn';
import { field, Module } from '../module';
import { native } from '../native';
import { eq, indexSelect, ne, reshape, where } from '../ops';
import { tensor } from '../tensor/create';
import { outsideScopes } from '../tensor/lifetime';
import { handleOf, Tensor } from '../tensor/tensor';
import { isPlainObject } from '../tree';
import { describeValue } from './describe';
import { branchedErrorIf, type ErrorIfOptions } from './error-if';

/** What each item of an enumeration means, by its name. */
export type Messages = Readonly<Record<string, string>>;

/** A member of an enumeration: a module whose one leaf is its number, an int32[]. */
export class EnumerationItem<N extends string = string> extends Module {
  static readonly fields = { enumeration: field({ static: true }) };
  /** Which item it is, in the order of definition; may be traced. */
  readonly value: Tensor;
  readonly enumeration: EnumerationBase<N>;

  /** @internal */
  constructor(value: Tensor, enumeration: EnumerationBase<N>) {
    super();
    this.value = value;
    this.enumeration = enumeration;
  }

  /**
   * Whether it is the same item as another of the same enumeration.
   *
   * @returns bool[].
   * @throws ERR_ARGUMENT for anything but an item of the same enumeration.
   */
  eq(other: EnumerationItem<N>): Tensor {
    return eq(this.value, this._sameKind('eq', other).value);
  }

  /** The opposite of `eq`. */
  ne(other: EnumerationItem<N>): Tensor {
    return ne(this.value, this._sameKind('ne', other).value);
  }

  /** Whether a transform stands around the item, so that it is not known which one it is. */
  isTraced(): boolean {
    return numberOf(this) === undefined;
  }

  /**
   * Throws an error with the item's message where a predicate holds, also inside compiled functions.
   *
   * @param x  A tree with a tensor at least, which the check hangs on: use what is returned.
   * @param pred  bool[...].
   * @returns `x`.
   * @throws ERR_RUNTIME where the predicate holds; and as `branchedErrorIf` does.
   * @example
   * y = result.errorIf(y, result.ne(Result.success));
   * @see equinox.Enumeration.
   */
  errorIf<T>(x: T, pred: Tensor | boolean, options?: ErrorIfOptions): T {
    return branchedErrorIf(x, pred, numberOf(this) ?? this.value, this.enumeration.messages, options);
  }

  /** The enumeration and the message: `Result<Hurrah!>`; `Result<traced>` inside transforms. */
  override toString(): string {
    return `${this.enumeration.title}<${this.enumeration.messageOf(this)}>`;
  }

  private _sameKind(method: string, other: unknown): EnumerationItem {
    if (other instanceof EnumerationItem && other.enumeration === this.enumeration)
      return other as EnumerationItem;
    throw new ArgumentError(
      `${this.enumeration.title}: expected another item of ${this.enumeration.title} to compare with, got ${show(other)}.`,
      { op: method },
    );
  }
}

function requireArguments(title: unknown, messages: unknown, parents: unknown): void {
  const op = 'Enumeration';
  const refuse = (expected: string, got: unknown): ArgumentError =>
    new ArgumentError(`${op}: expected ${expected}, got ${show(got)}.`, { op });
  if (typeof title !== 'string') throw refuse('a title', title);
  if (!isPlainObject(messages)) throw refuse('an object of messages by name', messages);
  if (!Array.isArray(parents)) throw refuse('an array of enumerations to extend', parents);
  for (const parent of parents as unknown[]) {
    if (!(parent instanceof EnumerationBase)) throw refuse('enumerations to extend', parent);
  }
}

/** What every enumeration has; the items are further properties, by their names. */
export class EnumerationBase<N extends string = string> {
  /** Its name, for messages. */
  readonly title: string;
  /** The names of the items, in the order of their numbers. */
  readonly names: readonly N[];
  /** Their messages, in the same order. */
  readonly messages: readonly string[];
  /** For this one and each that it extends: the number here of each item there. */
  private readonly _offsets: ReadonlyMap<EnumerationBase, readonly number[]>;
  private readonly _items: (EnumerationItem<N> | undefined)[] = [];

  /** @internal */
  constructor(title: string, messages: Messages, parents: readonly EnumerationBase[] = []) {
    requireArguments(title, messages, parents);
    this.title = title;
    const numbers = new Map<string, number>();
    const texts: string[] = [];
    const store = (name: string, text: string): number => {
      const known = numbers.get(name);
      if (known === undefined) {
        numbers.set(name, texts.length);
        return texts.push(text) - 1;
      }
      if (texts[known] !== text) {
        warnOnce(
          `${title}.${name} twice`,
          `Enumeration: ${title}.${name} has two messages, ${JSON.stringify(texts[known])} and ${JSON.stringify(text)}. ` +
            'The latter is used. Give them different names, or the same message.',
        );
        texts[known] = text;
      }
      return known;
    };
    const offsets = new Map<EnumerationBase, readonly number[]>();
    for (const parent of parents) {
      for (const base of [parent, ...parent._offsets.keys()]) {
        if (offsets.has(base)) continue;
        offsets.set(
          base,
          base.names.map((name, i) => store(name, base.messages[i]!)),
        );
      }
    }
    for (const [name, text] of Object.entries(messages)) {
      if (typeof text !== 'string') {
        throw new ArgumentError(
          `Enumeration: expected a message at .${name} of ${title}, got ${describeValue(text)}. '' stands for none.`,
          { op: 'Enumeration' },
        );
      }
      store(name, text);
    }
    this.names = [...numbers.keys()] as N[];
    this.messages = texts;
    this._offsets = offsets;
    this.names.forEach((name, number) => {
      if (name in this) {
        throw new ArgumentError(
          `Enumeration: expected names that no enumeration has already, got ${name}. Take another name for the item.`,
          { op: 'Enumeration' },
        );
      }
      Object.defineProperty(this, name, { get: () => this._item(number), enumerable: true });
    });
  }

  /** How many items there are. */
  get length(): number {
    return this.names.length;
  }

  /**
   * The message of an item.
   *
   * @returns `traced` where it is not known which item it is, and for many at once (made by `filterVmap`) their
   *   messages as an array.
   * @throws ERR_ARGUMENT for anything but an item of this enumeration.
   * @see equinox.Enumeration, whose classes are indexed with items.
   */
  messageOf(item: EnumerationItem<N>): string {
    const { value } = this._own('messageOf', item);
    // Trees may hold anything in the place of leaves.
    if (!(value instanceof Tensor)) return 'unknown';
    if (native().layers(handleOf(value, 'messageOf')) !== '') return 'traced';
    return this._textOf(value.toArray());
  }

  /**
   * The first item where the predicate holds, and the second where it does not.
   *
   * @param pred  bool[].
   * @returns One of the two themselves if the predicate is known, or they are the same.
   * @throws ERR_ARGUMENT if the predicate is no scalar of bool, or an item is not of this enumeration.
   * @see equinox.Enumeration.where.
   */
  where(pred: Tensor | boolean, a: EnumerationItem<N>, b: EnumerationItem<N>): EnumerationItem<N> {
    if (typeof pred !== 'boolean' && !(pred instanceof Tensor && pred.dtype === 'bool' && pred.ndim === 0)) {
      throw new ArgumentError(
        `${this.title}.where: expected a scalar of bool as the predicate, got ${describeValue(pred)}. Reduce it with all() or any().`,
        { op: 'where' },
      );
    }
    this._own('where', a);
    this._own('where', b);
    if (a.value === b.value) return a;
    const known = typeof pred === 'boolean' ? pred : knownTruth(pred);
    if (known !== undefined) return known ? a : b;
    const number = numberOf(a);
    if (number !== undefined && number === numberOf(b)) return a;
    return new EnumerationItem(where(pred, a.value, b.value), this);
  }

  /**
   * An item of an enumeration that this one extends, as an item of this one.
   *
   * @throws ERR_ARGUMENT for an item of this enumeration, or of one that it does not extend.
   * @example
   * const More = new Enumeration('More', { overloaded: 'Run for your life!' }, [Result]);
   * More.promote(Result.success).eq(More.success);
   * @see equinox.Enumeration.promote.
   */
  promote(item: EnumerationItem): EnumerationItem<N> {
    const offsets = item instanceof EnumerationItem ? this._offsets.get(item.enumeration) : undefined;
    if (offsets === undefined) {
      throw new ArgumentError(
        `${this.title}.promote: expected an item of an enumeration that ${this.title} extends, got ${show(item)}.`,
        { op: 'promote' },
      );
    }
    const number = numberOf(item);
    if (number !== undefined) return this._item(offsets[number]!);
    const { value } = item;
    const table = tensor(offsets, { dtype: 'int32' });
    return new EnumerationItem(
      reshape(indexSelect(table, 0, reshape(value, [-1]).to('int64')), value.shape),
      this,
    );
  }

  /** `item instanceof Result`: whether it is an item of this enumeration. */
  [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof EnumerationItem && value.enumeration === this;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `Enumeration(${this.title}: ${this.names.join(', ')})`;
  }

  /** Made on first use, so that defining an enumeration needs no libtorch, and again if somebody disposed of it. */
  private _item(number: number): EnumerationItem<N> {
    const kept = this._items[number];
    if (kept !== undefined && !kept.value.isDisposed) return kept;
    const value = outsideScopes(() => tensor(number, { dtype: 'int32' }));
    return (this._items[number] = new EnumerationItem<N>(value, this));
  }

  private _own(method: string, item: unknown): EnumerationItem<N> {
    if (item instanceof EnumerationItem && item.enumeration === this) return item as EnumerationItem<N>;
    throw new ArgumentError(
      `${this.title}.${method}: expected an item of ${this.title}, got ${show(item)}.`,
      {
        op: method,
      },
    );
  }

  private _textOf(numbers: unknown): string {
    if (Array.isArray(numbers)) return `[${numbers.map((one) => `'${this._textOf(one)}'`).join(', ')}]`;
    return this.messages[Number(numbers)] ?? 'unknown';
  }
}

/** The number of an item that is known, which is not so for many at once. */
function numberOf({ value }: EnumerationItem): number | undefined {
  if (native().layers(handleOf(value, 'Enumeration')) !== '' || value.ndim > 0) return undefined;
  return Number(value.item());
}

function knownTruth(pred: Tensor): boolean | undefined {
  return native().layers(handleOf(pred, 'where')) === '' ? (pred.item() as boolean) : undefined;
}

function show(value: unknown): string {
  return value instanceof EnumerationItem ? String(value) : describeValue(value);
}

/** An enumeration with items of these names. */
export type Enumeration<N extends string = string> = EnumerationBase<N> &
  Readonly<Record<N, EnumerationItem<N>>>;

type NamesOf<P> = P extends EnumerationBase<infer N> ? N : never;

/**
 * A set of named values that compiled functions can compute with: which way a solver ended, say. An item is a tree
 * with one leaf, an int32[], so it goes through `filterJit`, `filterVmap` and loops, and its messages are for people.
 *
 * @param title  The name of the enumeration, for messages.
 * @param messages  The items in order: a message for each name, '' for none.
 * @param parents  Enumerations whose items come first. What several have counts once; where the messages differ, the
 *   last one is used, with a warning.
 * @throws ERR_ARGUMENT for names that every enumeration has (`where`, `promote`, `names`, ...), and messages that are
 *   no strings.
 * @example
 * const Result = new Enumeration('Result', { success: 'Hurrah!', stuck: 'The solver made no progress.' });
 * let result = Result.where(error.lt(1e-3), Result.success, Result.stuck);
 * console.log(String(result)); // Result<Hurrah!>
 * const y = where(result.eq(Result.success), x, 0);
 * @see equinox.Enumeration. Differences: a class is made by `new Enumeration(...)`, items compare with `eq` and `ne`, and
 *   `Result.messageOf(item)` is `Result[item]`.
 */
export const Enumeration = EnumerationBase as unknown as new <
  const M extends Messages,
  const P extends readonly EnumerationBase[] = [],
>(
  title: string,
  messages: M,
  parents?: P,
) => Enumeration<(keyof M & string) | NamesOf<P[number]>>;
