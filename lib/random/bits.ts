import { dtypeInfo, type DType } from '../base/dtype';
import { DtypeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { callNamed } from '../ops/call';
import type { Tensor } from '../tensor/tensor';
import { inNameOf, requireShape } from './arguments';
import { requireKey, type Key } from './key';

/**
 * Draws uniformly distributed bits.
 *
 * @param key  uint32[2].
 * @param shape  The shape of the result.
 * @param options  `dtype`: uint8, uint16, uint32 (the default) or uint64.
 * @returns dtype[...shape].
 * @throws ERR_DTYPE for another dtype; ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE if `key` is no single key.
 * @see jax.random.bits, whose bits these are (`jax_threefry_partitionable`, on by default since JAX 0.5).
 */
export function bits(
  key: Key,
  shape: readonly number[] = [],
  options: { readonly dtype?: DType | undefined } = {},
): Tensor {
  requireOptions(options, ['dtype'], 'random.bits');
  const { dtype = 'uint32' } = options;
  const { kind, itemBytes } = dtypeInfo(dtype, 'random.bits');
  if (kind !== 'uint') {
    throw new DtypeError(`random.bits: expected an unsigned integer dtype, got ${dtype}.`, {
      op: 'random.bits',
    });
  }
  requireKey(key, 'random.bits');
  requireShape(shape, 'random.bits', key, itemBytes);
  return inNameOf('random.bits', () => drawBits(key, shape, 8 * itemBytes));
}

/** Bits under a key that is known to be one. */
export function drawBits(key: Key, shape: readonly number[], width: number): Tensor {
  return callNamed('equinode::threefry_bits', key, shape, width) as Tensor;
}
