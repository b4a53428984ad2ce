import { dtypeInfo, type DType } from '../base/dtype';
import { callNamed } from '../ops/call';
import type { Tensor } from '../tensor/tensor';
import { withHostFunction, type HostFunction } from './host';

/** What a result looks like: a tensor, or a `ShapeDtypeStruct`. */
export interface Look {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/**
 * Calls a function of JavaScript as an operator without side effects, which a compiled program runs each time that
 * its results are needed, and a trace never.
 *
 * @param repeat  what a batch makes of an input that it shares: repeated, or with an axis of size 1.
 */
export function callPure(
  fn: HostFunction,
  inputs: readonly Tensor[],
  results: readonly Look[],
  repeat: boolean,
): readonly Tensor[] {
  const sizes = results.flatMap(({ shape }) => shape);
  const ranks = results.map(({ shape }) => shape.length);
  const codes = results.map(({ dtype }) => dtypeInfo(dtype).code);
  return withHostFunction(
    fn,
    (id) => callNamed('equinode::callback', inputs, id, [], repeat, sizes, ranks, codes) as readonly Tensor[],
  );
}

/** Calls a function of JavaScript for what it does, in its place among the operators, in every run of a program. */
export function callEffect(fn: HostFunction, inputs: readonly Tensor[]): void {
  const run: HostFunction = (given, batch) => {
    fn(given, batch);
    return [];
  };
  withHostFunction(run, (id) => callNamed('equinode::effect', inputs, id, []));
}

/** What passes a tensor on once a result of a check or callback is there, and needs that only where it is used. */
export function hangOn(token: Tensor): (x: Tensor) => Tensor {
  return (x) => callNamed('equinode::after', x, token) as Tensor;
}
