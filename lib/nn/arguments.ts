import { dtypeInfo, type DType, type DTypeInfo } from '../base/dtype';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors';
import { isCallable } from '../module';
import type { Key } from '../random';
import { requireKey as requireSingleKey } from '../random/key';
import { describe } from '../tree';
import { handleOf } from '../tensor/handle';
import { Tensor } from '../tensor/tensor';

/** Options that every layer's `forward` takes, so that `Sequential` can hand a key to each. */
export interface ForwardOptions {
  /** Randomness for the layers that use it; the others ignore it. */
  readonly key?: Key | null | undefined;
}

/** What every layer with random initial parameters takes. */
export interface InitOptions {
  /** The dtype of the parameters: floating point or complex, float32 unless given. */
  readonly dtype?: DType | undefined;
  /**
   * uint32[2]. Required; `undefined` is in the type because taking `random.split(key)` apart gives it under
   * TypeScript's `noUncheckedIndexedAccess`.
   */
  readonly key: Key | undefined;
}

/** @throws ERR_ARGUMENT if no key was given, ERR_DISPOSED for one that is gone; ERR_DTYPE, ERR_SHAPE unless it is one key. */
export function requireKey(options: { readonly key: Key | undefined } | undefined, layer: string): Key {
  const key: unknown = options?.key;
  if (key instanceof Tensor) {
    requireSingleKey(key, layer);
    return key;
  }
  throw new ArgumentError(
    `${layer}: expected a key for the initial parameters, got ${key === null ? 'null' : typeof key}. Pass { key: random.key(seed) }.`,
    { op: layer },
  );
}

/** @throws ERR_DTYPE unless parameters can have the dtype. */
export function requireParameterDType(dtype: DType, layer: string): void {
  const { kind } = dtypeInfo(dtype, layer);
  if (kind === 'float' || kind === 'complex') return;
  throw new DtypeError(`${layer}: expected a floating-point or complex dtype, got ${dtype}.`, { op: layer });
}

/** @throws ERR_ARGUMENT unless a size is an integer of at least `least`. */
export function requireSize(value: unknown, name: string, layer: string, least = 0): void {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw new ArgumentError(
    `${layer}: expected ${name} to be an integer of at least ${least}, got ${JSON.stringify(value) as string | undefined}.`,
    { op: layer },
  );
}

/** @throws ERR_ARGUMENT unless the value is a tensor, ERR_DISPOSED if that is gone. */
export function requireTensor(value: unknown, what: string, layer: string): asserts value is Tensor {
  if (value instanceof Tensor) {
    handleOf(value, layer);
    return;
  }
  throw new ArgumentError(`${layer}: expected ${what} that is a tensor, got ${describe(value)}.`, {
    op: layer,
  });
}

/** @throws ERR_ARGUMENT unless a number is finite and not negative. */
export function requireNonNegative(value: unknown, name: string, layer: string): void {
  if (typeof value === 'number' && value >= 0 && value < Infinity) return;
  throw new ArgumentError(
    `${layer}: expected ${name} to be a finite number from 0 on, got ${typeof value === 'number' ? value : describe(value)}.`,
    { op: layer },
  );
}

/** @throws ERR_ARGUMENT unless the value is a boolean. */
export function requireFlag(value: unknown, name: string, layer: string): void {
  if (typeof value === 'boolean') return;
  throw new ArgumentError(`${layer}: expected ${name} to be true or false, got ${describe(value)}.`, {
    op: layer,
  });
}

/** @throws ERR_DTYPE unless a tensor has one of the kinds of dtype. */
export function requireKind(
  x: Tensor,
  kinds: readonly DTypeInfo['kind'][],
  words: string,
  layer: string,
): void {
  if (kinds.includes(dtypeInfo(x.dtype).kind)) return;
  throw new DtypeError(`${layer}: expected an input of ${words}, got ${x.dtype}[${x.shape.join()}].`, {
    op: layer,
  });
}

/** @throws ERR_DTYPE unless an input has the dtype of the weight. */
export function requireDTypeOf(weight: Tensor, x: Tensor, layer: string): void {
  if (x.dtype === weight.dtype) return;
  throw new DtypeError(
    `${layer}: expected an input of the weight's dtype, ${weight.dtype}, got ${x.dtype}[${x.shape.join()}]. ` +
      `Convert it, x.to('${weight.dtype}'), or make the layer with { dtype: '${x.dtype}' }.`,
    { op: layer },
  );
}

/** @throws ERR_ARGUMENT unless `call` can apply the value. */
export function requireCallable(value: unknown, name: string, layer: string): void {
  if (isCallable(value)) return;
  const got = typeof value === 'string' ? JSON.stringify(value) : describe(value);
  throw new ArgumentError(
    `${layer}: expected ${name} to be a function or a module with a method \`forward\`, got ${got}.`,
    { op: layer },
  );
}

/** One number for every axis, or one for each. */
export type PerAxis = number | readonly number[];

/** @throws ERR_ARGUMENT unless `value` is one integer of at least `least`, or `count` of them. */
export function perAxis(
  value: PerAxis,
  count: number,
  name: string,
  layer: string,
  least = 1,
): readonly number[] {
  const list: readonly number[] =
    typeof value === 'number' ? Array.from({ length: count }, () => value) : value;
  if (isListOf(list, count) && list.every((one) => isInteger(one) && one >= least)) return [...list];
  throw new ArgumentError(
    `${layer}: expected ${name} to be one integer of at least ${least}, or ${count} of them, got ${JSON.stringify(value) as string | undefined}.`,
    { op: layer },
  );
}

/** How far an axis is padded before and after. */
export type Pads = readonly [before: number, after: number];

/** Padding as it may be given: one number, one for each axis, or a pair for each. */
export type PaddingLike = number | readonly number[] | readonly Pads[];

/** @throws ERR_ARGUMENT unless the padding is one integer, or `count` integers or pairs of integers. */
export function padsPerAxis(value: PaddingLike, count: number, layer: string, also = ''): readonly Pads[] {
  const list: readonly (number | Pads)[] =
    typeof value === 'number' ? Array.from({ length: count }, () => value) : value;
  if (isListOf(list, count)) {
    if (list.every(isInteger)) return list.map((one) => [one, one] as const);
    if (list.every(isPair)) return list.map(([before, after]) => [before, after] as const);
  }
  throw new ArgumentError(
    `${layer}: expected padding to be one integer, or ${count} integers or pairs of integers${also}, got ${JSON.stringify(value) as string | undefined}.`,
    { op: layer },
  );
}

function isListOf(value: readonly unknown[], count: number): boolean {
  return Array.isArray(value) && value.length === count;
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isPair(value: unknown): value is Pads {
  return Array.isArray(value) && value.length === 2 && value.every(isInteger);
}

/** What the spatial axes are called in messages. */
export function spatialWords(count: number): readonly string[] {
  if (count === 1) return ['length'];
  if (count <= 3) return ['depth', 'height', 'width'].slice(-count);
  return Array.from({ length: count }, (_, axis) => `spatial${axis + 1}`);
}

/**
 * Checks the input of a layer that takes one example, not a batch.
 *
 * @param axes  The size of each axis, or a word for a size that may be anything.
 * @throws ERR_SHAPE naming the layer and both shapes; ERR_ARGUMENT for what is no tensor.
 */
export function requireInput(
  x: Tensor,
  axes: readonly (number | string)[],
  layer: string,
  what = 'an input',
): void {
  requireTensor(x, what, layer);
  const { shape } = x;
  if (
    shape.length === axes.length &&
    axes.every((size, i) => typeof size === 'string' || size === shape[i])
  ) {
    return;
  }
  const hint = shape.length > axes.length ? ' It takes one example: use filterVmap for a batch.' : '';
  throw new ShapeError(
    `${layer}: expected ${what} of shape [${axes.join(',')}], got ${x.dtype}[${shape.join()}].${hint}`,
    { op: layer },
  );
}
