import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { memory } from '../../lib/tensor/memory';
import { Tensor } from '../../lib/tensor/tensor';
import { tidy } from '../../lib/tensor/tidy';
import { leaves } from '../../lib/tree';

/** Values that repeat nowhere, in float64: the sines of 1, 2, 3 ... */
export function waves(shape: readonly number[], from = 1): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return ops
    .arange(from, size + from, { dtype: 'float64' })
    .sin()
    .reshape(shape);
}

/** The elements of all tensors of a tree, in row-major order. */
export function numbers(value: unknown): number[] {
  return leaves(value).flatMap((leaf) =>
    leaf instanceof Tensor ? Array.from(leaf.toTypedArray() as Float64Array, Number) : [],
  );
}

/** The largest difference of two lists, relative to their sizes where these are above 1. */
export function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  a.forEach((one, i) => {
    const other = b[i] ?? NaN;
    const difference = Object.is(one, other) ? 0 : Math.abs(one - other) / Math.max(1, Math.abs(other));
    largest = Math.max(largest, Number.isNaN(difference) ? Infinity : difference);
  });
  return largest;
}

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

function collect(): void {
  // What a first collection finds dead, the guards of tensors, a second one finalizes.
  gc();
  gc();
}

/** The number of tensors that are alive once the garbage of earlier tests is gone. */
export function liveTensors(): number {
  collect();
  return memory().tensors;
}

/** Runs a body and checks that no layer and no trace is left of it, and no tensor that nothing would ever release. */
export function expectNothingLeft(body: () => void, times = 10): void {
  const before = liveTensors();
  // More often than small tensors share a guard, so that earlier garbage which goes late cannot hide a loss.
  for (let time = 0; time < times; time++) tidy(body);
  const lost = Math.max(0, liveTensors() - before);
  expect({ depth: native().depth(), tracing: native().tracing(), lost }).toEqual({
    depth: 0,
    tracing: false,
    lost: 0,
  });
}

/** The error that a body throws. */
export function thrown(body: () => unknown): Error {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected the body to throw');
}
