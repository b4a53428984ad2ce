import { call, type Callable } from '../module';
import { add, logicalAnd, lt } from '../ops';
import { tensor } from '../tensor/create';
import type { Tensor } from '../tensor/tensor';
import { refusePromise } from '../tensor/tidy';
import { choose } from './choose';
import { putTogether, takeApart, tensorsLike } from './parts';
import { scanNamed } from './scan';
import { truthOf, unvmapAny } from './truth';

type Carry = readonly [step: Tensor, value: unknown];

/**
 * A loop of at most `maxSteps` steps as nested scans of `base` steps each, of which those that have nothing to do are
 * passed over: the backward pass keeps `base` carries for each scan, and computes the rest again.
 *
 * @see equinox/internal/_loop/bounded.py.
 */
export function boundedLoop(
  condition: Callable,
  body: Callable,
  init: unknown,
  maxSteps: number,
  base: number,
): unknown {
  const goesOn = ([step, value]: Carry): Tensor =>
    logicalAnd(truthOf(call(condition as Callable<unknown[]>, value)), lt(step, maxSteps));
  const stay = (carry: Carry): Carry => carry;
  const once = (carry: Carry): unknown => {
    const advance = ([step, value]: Carry): Carry => {
      const next: unknown = call(body as Callable<unknown[]>, value);
      refusePromise(next, 'whileLoop');
      const parts = takeApart(value);
      return [
        add(step, 1),
        putTogether(parts, tensorsLike('whileLoop', 'the carry', 'at the start', parts, next)),
      ];
    };
    return choose('whileLoop', goesOn(carry), [advance, stay], [carry]);
  };
  let run = once;
  for (let reach = 1; reach < maxSteps; reach *= base) {
    const inner = run;
    const unlessDone = (carry: Carry): unknown =>
      choose('whileLoop', unvmapAny(goesOn(carry)), [inner, stay], [carry]);
    run = (carry) =>
      scanNamed('whileLoop', (one: Carry) => [unlessDone(one), null], carry, null, { length: base })[0];
  }
  const parts = takeApart(init);
  const start: Carry = [tensor(0, { dtype: 'int64' }), putTogether(parts, parts.tensors)];
  if (maxSteps === 0) return start[1];
  return (run(start) as Carry)[1];
}
