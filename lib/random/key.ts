import { dtypeInfo } from '../base/dtype';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors';
import { to } from '../ops';
import { callNamed } from '../ops/call';
import { tensor } from '../tensor/create';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';
import { inNameOf, requireShape } from './arguments';

/** What decides random numbers: uint32[2]. Made by `key`, `split` and `foldIn`; used once each. */
export type Key = Tensor;

const word = 0xffffffffn;

/**
 * Makes a key from a seed.
 *
 * @param seed  An integer of at most 64 bits, or a tensor int[] with one; only its lowest 32 bits count.
 * @returns uint32[2].
 * @throws ERR_ARGUMENT if the seed is no such integer; ERR_SHAPE, ERR_DTYPE for a tensor of another kind.
 * @example
 * const [modelKey, dataKey] = random.split(random.key(0));
 * @see jax.random.PRNGKey with 32-bit integers, JAX's default: seeds that differ by 2^32 give the same key.
 */
export function key(seed: number | bigint | Tensor): Key {
  if (seed instanceof Tensor) {
    requireInteger(seed, 'seed', 'random.key');
    const low = to(seed, 'int64').bitwiseAnd(Number(word)).reshape([1]);
    return to(low.constantPadNd([1, 0]), 'uint32');
  }
  const exact = typeof seed === 'bigint' || Number.isSafeInteger(seed) ? BigInt(seed) : undefined;
  if (exact === undefined || exact !== BigInt.asIntN(64, exact)) {
    throw new ArgumentError(
      `random.key: expected an integer of at most 64 bits as the seed, got ${String(seed)}. Pass one; a bigint above 2^53.`,
      { op: 'random.key' },
    );
  }
  return tensor(new Uint32Array([0, Number(exact & word)]));
}

/**
 * Makes new keys from one, which should not be used again.
 *
 * @param key  uint32[2].
 * @param n  How many keys, or the shape in which to arrange them.
 * @returns uint32[n, 2], or uint32[...n, 2]. It comes apart like an array: `const [a, b] = split(key)`.
 * @throws ERR_SHAPE, ERR_DTYPE, ERR_ARGUMENT if `key` is no single key; ERR_ARGUMENT for a negative number.
 * @see jax.random.split.
 */
export function split(key: Key, n: number | readonly number[] = 2): Tensor {
  requireKey(key, 'random.split');
  const shape = typeof n === 'number' ? [n] : n;
  requireShape(shape, 'random.split', key, 8);
  return inNameOf('random.split', () => callNamed('equinode::threefry_split', key, shape) as Tensor);
}

/**
 * Makes a key from a key and a number, such as the index of a step or of a worker.
 *
 * @param key  uint32[2].
 * @param data  A number from 0 to 2^32 - 1, or a tensor int[] that counts modulo 2^32.
 * @returns uint32[2].
 * @throws ERR_SHAPE, ERR_DTYPE, ERR_ARGUMENT if `key` is no single key, or `data` no such number.
 * @see jax.random.fold_in.
 */
export function foldIn(key: Key, data: number | bigint | Tensor): Key {
  requireKey(key, 'random.foldIn');
  if (data instanceof Tensor) {
    requireInteger(data, 'data', 'random.foldIn');
  } else if (typeof data === 'bigint' ? data < 0n || data > word : !(data >>> 0 === data)) {
    throw new ArgumentError(
      `random.foldIn: expected an integer from 0 to 2^32 - 1 as the data, got ${String(data)}. ` +
        'Pass one, or a tensor, which counts modulo 2^32.',
      { op: 'random.foldIn' },
    );
  }
  return callNamed('equinode::threefry_fold_in', key, data) as Tensor;
}

/** Two keys from one, as the samplers need them. */
export function splitPair(key: Key): readonly [Key, Key] {
  const both = split(key);
  return [both.select(0, 0), both.select(0, 1)];
}

/**
 * Checks that a value is one key.
 *
 * @throws ERR_ARGUMENT, ERR_DTYPE, ERR_SHAPE.
 */
export function requireKey(key: unknown, op: string): asserts key is Key {
  if (!(key instanceof Tensor)) {
    throw new ArgumentError(
      `${op}: expected a key, got ${key === null ? 'null' : typeof key}. Make one with random.key(seed) or random.split(key).`,
      { op },
    );
  }
  handleOf(key, op);
  if (key.dtype !== 'uint32') {
    throw new DtypeError(
      `${op}: expected a key uint32[2], got ${key.dtype}[${key.shape.join()}]. Make one with random.key(seed).`,
      { op },
    );
  }
  if (key.ndim !== 1 || key.shape[0] !== 2) {
    throw new ShapeError(
      `${op}: expected a single key uint32[2], got uint32[${key.shape.join()}]. Take the keys apart, or use vmap for many.`,
      { op },
    );
  }
}

function requireInteger(value: Tensor, name: string, op: string): void {
  handleOf(value, op);
  const { kind } = dtypeInfo(value.dtype);
  if (kind !== 'int' && kind !== 'uint') {
    throw new DtypeError(`${op}: expected ${name} to hold an integer, got ${value.dtype}.`, { op });
  }
  if (value.ndim !== 0) {
    throw new ShapeError(
      `${op}: expected ${name} to be a scalar, got the shape [${value.shape.join()}]. Use vmap for many.`,
      { op },
    );
  }
}
