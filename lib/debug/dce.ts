import { inspect } from 'node:util';
import { dtypeInfo } from '../base/dtype';
import { TransformError } from '../base/errors';
import { treePformat } from '../module';
import { tensor } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import { isTracing } from '../transform/around';
import { callPure, hangOn } from '../transform/callback-operator';
import { errorIf } from '../transform/error-if';
import { flatten, unflatten } from '../tree';

/** By name, a tree for each call of `storeDce`, with texts for its tensors: `i32[]`, once a run has computed it. */
const store = new Map<unknown, readonly unknown[]>();

/**
 * The identity inside a compiled function, which tells apart what each run computes and what was removed as dead code;
 * `inspectDce` prints it.
 *
 * @param x  a tree; only its tensors count.
 * @param name  a name for this call, to be given to `inspectDce`; any value.
 * @returns x.
 * @throws ERR_TRANSFORM outside a compiled function.
 * @example
 * const f = jit((x: Tensor) => debug.storeDce([x.square(), x.add(1)] as const)[0]);
 * f(x);
 * debug.inspectDce();
 * @see equinox.debug.store_dce.
 */
export function storeDce<T>(x: T, name?: unknown): T {
  if (!isTracing()) {
    throw new TransformError(
      'storeDce: expected a compiled function around it, got a call outside. Only jit removes dead code.',
      { op: 'storeDce' },
    );
  }
  const [leaves, structure] = flatten(x);
  const shown: unknown[] = [];
  const marked = leaves.map((leaf) => {
    if (!(leaf instanceof Tensor)) {
      shown.push(leaf);
      return leaf;
    }
    const text = new Text("<DCE'd>");
    shown.push(text);
    const look = `${dtypeInfo(leaf.dtype).short}[${leaf.shape.join()}]`;
    return hangOn(
      trueWhen(() => {
        text.set(look);
      }),
    )(leaf);
  });
  store.set(name, [...(store.get(name) ?? []), unflatten(structure, shown)]);
  return unflatten(structure, marked) as T;
}

/** A tensor whose computation runs a function. */
function trueWhen(run: () => void): Tensor {
  const fn = (): readonly Tensor[] => {
    run();
    return [tensor(true)];
  };
  return callPure(fn, [], [{ shape: [], dtype: 'bool' }], true)[0]!;
}

/** Prints as a text, without quotes. */
class Text {
  private _text: string;
  constructor(text: string) {
    this._text = text;
  }
  set(text: string): void {
    this._text = text;
  }
  [inspect.custom](): string {
    return this._text;
  }
}

/**
 * Prints which tensors of the calls of `storeDce` with this name the compiled functions computed in their runs so far,
 * and which were removed.
 *
 * @throws ERR_TRANSFORM inside a compiled function.
 * @see equinox.debug.inspect_dce.
 */
export function inspectDce(name?: unknown): void {
  if (isTracing()) {
    throw new TransformError(
      'inspectDce: expected no compiled function around it, got a call while one is being traced. Call it outside.',
      { op: 'inspectDce' },
    );
  }
  const entries = store.get(name) ?? [];
  console.log(
    `Found ${entries.length} call${entries.length === 1 ? '' : 's'} to \`equinode.debug.storeDce\`.`,
  );
  entries.forEach((entry, i) => {
    console.log(`Entry ${i}:`);
    console.log(treePformat(entry));
  });
}

/**
 * The identity, and an error in each run of a compiled function that does not remove `x` as dead code. Outside compiled
 * functions, where nothing is removed, it does nothing.
 *
 * @throws ERR_RUNTIME there.
 * @see equinox.internal.assert_dce.
 */
export function assertDce<T>(x: T, message: string): T {
  if (!isTracing()) return x;
  return errorIf(
    x,
    trueWhen(() => undefined),
    message,
  );
}
