import { FormatError } from '../base/errors';

/** What a name of Python stands for. Only what a host gives exists: nothing of Python is ever looked up or run. */
export class PickleGlobal {
  readonly name: string;
  /** What comes of calling it; it checks its arguments. */
  readonly call: ((args: readonly unknown[]) => unknown) | undefined;

  constructor(name: string, call?: (args: readonly unknown[]) => unknown) {
    this.name = name;
    this.call = call;
  }
}

/** What a pickle may refer to: an allow-list. */
export interface PickleHost {
  /** What `module.name` stands for, or `undefined` if the pickle may not speak of it. */
  readonly find: (qualifiedName: string) => unknown;
  /** The object outside the pickle that an id stands for; throws ERR_FORMAT for ids that are none. */
  readonly persistent: (id: unknown) => unknown;
  /** Makes an empty object of a class, whose attributes are dropped. Without it, objects are refused. */
  readonly make?: ((target: PickleGlobal) => object) | undefined;
}

const maxBytes = 1 << 26;
const maxStack = 1 << 22;
/** What is made, counted as `weightOf` does: a list that is copied many times over costs as much as many lists. */
const maxWeight = 1 << 23;
const maxIntBytes = 1024;

/**
 * Reads a pickle of protocol 2 to 5 as data: numbers (bigints where they are larger than 2^53), strings, bytes, lists and
 * tuples as arrays (tuples frozen), dicts as `Map`, sets as `Set`, and what the host makes of the names on its list.
 *
 * @throws ERR_FORMAT, without the name of a function or a file, if the pickle is malformed, too large, speaks of
 *   anything that is not on the list, or has an operation that could run code.
 * @see Python's Lib/pickletools.py (3.11) for the operations.
 */
export function readPickle(bytes: Uint8Array, host: PickleHost): unknown {
  if (bytes.length > maxBytes) {
    throw new FormatError(`expected a pickle of at most ${maxBytes} bytes, got ${bytes.length}`);
  }
  return new Machine(bytes, host).run();
}

class Machine {
  private readonly bytes: Buffer;
  private readonly host: PickleHost;
  private at = 0;
  private readonly stack: unknown[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, unknown>();
  private weight = 0;

  constructor(bytes: Uint8Array, host: PickleHost) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.host = host;
  }

  run(): unknown {
    for (;;) {
      const start = this.at;
      const code = this.uint(1);
      if (code === 0x2e) {
        const result = this.pop();
        if (this.at !== this.bytes.length) {
          throw this.fail('the end of the pickle', `${this.bytes.length - this.at} more bytes`);
        }
        return result;
      }
      const operation = operations.get(code);
      if (operation === undefined) {
        const shown = code.toString(16).padStart(2, '0');
        throw this.fail('operations that only make data', `operation 0x${shown} at byte ${start}`);
      }
      operation(this);
      if (this.stack.length > maxStack || this.weight > maxWeight) {
        throw this.fail(`at most ${maxStack} objects`, 'more');
      }
    }
  }

  fail(expected: string, got: string): FormatError {
    return new FormatError(`expected ${expected} in the pickle, got ${got}`);
  }

  // Reading.

  take(length: number): Buffer {
    if (length > this.bytes.length - this.at) {
      throw this.fail(`${length} bytes at byte ${this.at}`, `the end after ${this.bytes.length - this.at}`);
    }
    return this.bytes.subarray(this.at, (this.at += length));
  }

  uint(byteCount: 1 | 2 | 4): number {
    return this.take(byteCount).readUIntLE(0, byteCount);
  }

  uint64(): number {
    const value = this.take(8).readBigUInt64LE();
    return value > BigInt(maxBytes) ? maxBytes + 1 : Number(value);
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw this.fail('the end of a line', 'the end of the data');
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  int(byteCount: number): number | bigint {
    if (byteCount > maxIntBytes) throw this.fail(`integers of at most ${maxIntBytes} bytes`, `${byteCount}`);
    const bytes = Buffer.from(this.take(byteCount)).reverse();
    if (bytes.length === 0) return 0;
    const value = BigInt.asIntN(8 * byteCount, BigInt(`0x${bytes.toString('hex')}`));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  protocol(version: number): this {
    if (version < 2 || version > 5) throw this.fail('protocol 2 to 5', `protocol ${version}`);
    return this;
  }

  // The stack.

  push(value: unknown): this {
    this.stack.push(value);
    return this;
  }

  container<T>(value: T): T {
    this.weight += weightOf(value);
    return value;
  }

  pop(): unknown {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.fail('a value on the stack', 'none');
    return this.stack.pop();
  }

  top(): unknown {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }

  popMany(count: number): unknown[] {
    const values = Array.from({ length: count }, () => this.pop());
    return values.reverse();
  }

  popTwo(): [unknown, unknown] {
    const second = this.pop();
    return [this.pop(), second];
  }

  mark(): this {
    this.marks.push(this.stack.length);
    return this;
  }

  popMark(): unknown[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw this.fail('a mark on the stack', 'none');
    return this.stack.splice(mark);
  }

  // Containers.

  tuple(values: unknown[]): this {
    return this.push(this.container(Object.freeze(values)));
  }

  append(values: readonly unknown[]): this {
    const list = this.top();
    if (!Array.isArray(list) || Object.isFrozen(list)) throw this.fail('a list to append to', kindOf(list));
    for (const value of values) list.push(value);
    return this;
  }

  dict(entries: readonly unknown[]): this {
    return this.push(this.container(new Map())).set(entries);
  }

  set(entries: readonly unknown[]): this {
    const dict = this.top();
    if (!(dict instanceof Map)) throw this.fail('a dict to set items of', kindOf(dict));
    if (entries.length % 2 !== 0) throw this.fail('a value for each key', 'a key alone');
    for (let i = 0; i < entries.length; i += 2) dict.set(entries[i], entries[i + 1]);
    return this;
  }

  add(values: readonly unknown[]): this {
    const set = this.top();
    if (!(set instanceof Set)) throw this.fail('a set to add to', kindOf(set));
    for (const value of values) set.add(value);
    return this;
  }

  // The memo.

  put(index: number): this {
    this.memo.set(index, this.top());
    return this;
  }

  memoise(): this {
    return this.put(this.memo.size);
  }

  get(index: number): this {
    if (!this.memo.has(index))
      throw this.fail('a value that was remembered', `number ${index}, which was not`);
    return this.push(this.memo.get(index));
  }

  // What a host allows.

  global(module: unknown, name: unknown): this {
    const qualified = `${String(module)}.${String(name)}`;
    const found =
      typeof module === 'string' && typeof name === 'string' ? this.host.find(qualified) : undefined;
    if (found === undefined) {
      throw this.fail('tensors and plain values', `a reference to ${shown(qualified)}, which is never run`);
    }
    return this.push(found);
  }

  reduce(): this {
    const args = this.pop();
    const target = this.pop();
    if (!(target instanceof PickleGlobal) || target.call === undefined || !Array.isArray(args)) {
      throw this.fail('a call of what may be called', `one of ${kindOf(target)}`);
    }
    return this.push(this.container(target.call(args)));
  }

  object(): this {
    const args = this.pop();
    const target = this.pop();
    const { make } = this.host;
    if (make === undefined || !(target instanceof PickleGlobal) || !Array.isArray(args) || args.length > 0) {
      throw this.fail('no objects of classes', `one of ${kindOf(target)}`);
    }
    return this.push(this.container(make(target)));
  }

  persistent(): this {
    return this.push(this.container(this.host.persistent(this.pop())));
  }

  /** Attributes of dicts and of what the host made are of no use here; they are checked like all else, and dropped. */
  build(): this {
    this.pop();
    const target = this.top();
    const isPlain = target === null || typeof target !== 'object' || Array.isArray(target);
    if (isPlain || target instanceof PickleGlobal)
      throw this.fail('attributes of an object', `some of ${kindOf(target)}`);
    return this;
  }
}

function weightOf(value: unknown): number {
  if (Array.isArray(value)) return 2 + value.length;
  if (value instanceof Map || value instanceof Set) return 2 + 4 * value.size;
  return 2 + (ArrayBuffer.isView(value) ? value.byteLength >> 3 : 0);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200)).slice(1, -1);
}

function kindOf(value: unknown): string {
  if (value === null) return 'None';
  if (value instanceof PickleGlobal) return shown(value.name);
  if (Array.isArray(value)) return Object.isFrozen(value) ? 'a tuple' : 'a list';
  if (value instanceof Map) return 'a dict';
  return `a value of type ${typeof value}`;
}

type Operation = (machine: Machine) => unknown;

const operations: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  // Framing.
  [0x80, (m) => m.protocol(m.uint(1))],
  [0x95, (m) => m.take(8)],
  // Constants.
  [code('N'), (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [code('J'), (m) => m.push(m.take(4).readInt32LE())],
  [code('K'), (m) => m.push(m.uint(1))],
  [code('M'), (m) => m.push(m.uint(2))],
  [0x8a, (m) => m.push(m.int(m.uint(1)))],
  [0x8b, (m) => m.push(m.int(m.uint(4)))],
  [code('G'), (m) => m.push(m.take(8).readDoubleBE())],
  // Strings and bytes.
  [code('U'), (m) => m.push(m.take(m.uint(1)).toString('latin1'))],
  [code('T'), (m) => m.push(m.take(m.uint(4)).toString('latin1'))],
  [0x8c, (m) => m.push(m.take(m.uint(1)).toString('utf8'))],
  [code('X'), (m) => m.push(m.take(m.uint(4)).toString('utf8'))],
  [0x8d, (m) => m.push(m.take(m.uint64()).toString('utf8'))],
  [code('C'), (m) => m.push(new Uint8Array(m.take(m.uint(1))))],
  [code('B'), (m) => m.push(new Uint8Array(m.take(m.uint(4))))],
  [0x8e, (m) => m.push(new Uint8Array(m.take(m.uint64())))],
  [0x96, (m) => m.push(new Uint8Array(m.take(m.uint64())))],
  // Lists, tuples, dicts, sets.
  [code(']'), (m) => m.push(m.container([]))],
  [code('l'), (m) => m.push(m.container(m.popMark()))],
  [code('a'), (m) => m.append([m.pop()])],
  [code('e'), (m) => m.append(m.popMark())],
  [code(')'), (m) => m.tuple([])],
  [0x85, (m) => m.tuple(m.popMany(1))],
  [0x86, (m) => m.tuple(m.popMany(2))],
  [0x87, (m) => m.tuple(m.popMany(3))],
  [code('t'), (m) => m.tuple(m.popMark())],
  [code('}'), (m) => m.push(m.container(new Map()))],
  [code('d'), (m) => m.dict(m.popMark())],
  [code('s'), (m) => m.set(m.popMany(2))],
  [code('u'), (m) => m.set(m.popMark())],
  [0x8f, (m) => m.push(m.container(new Set()))],
  [0x90, (m) => m.add(m.popMark())],
  [0x91, (m) => m.push(m.container(new Set(m.popMark())))],
  // The stack and the memo.
  [code('('), (m) => m.mark()],
  [code('0'), (m) => m.pop()],
  [code('1'), (m) => m.popMark()],
  [code('2'), (m) => m.push(m.top())],
  [code('h'), (m) => m.get(m.uint(1))],
  [code('j'), (m) => m.get(m.uint(4))],
  [code('q'), (m) => m.put(m.uint(1))],
  [code('r'), (m) => m.put(m.uint(4))],
  [0x94, (m) => m.memoise()],
  // What the host allows.
  [code('c'), (m) => m.global(m.line(), m.line())],
  [0x93, (m) => m.global(...m.popTwo())],
  [code('R'), (m) => m.reduce()],
  [0x81, (m) => m.object()],
  [code('Q'), (m) => m.persistent()],
  [code('b'), (m) => m.build()],
]);

function code(letter: string): number {
  return letter.charCodeAt(0);
}
