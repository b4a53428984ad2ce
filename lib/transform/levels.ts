import { native } from '../native';
import { closeScope, openScope, type Scope } from '../tensor/lifetime';
import type { Tensor } from '../tensor/tensor';
import { nested } from './nesting';

/**
 * Runs `body` with a layer of a transform: whatever happens, afterwards the layers are those of before and the
 * tensors that were made and are not kept are released. See NOTE [level order and unwinding] in
 * native/transform/level.h and NOTE [scopes] in lib/tensor/lifetime.ts.
 *
 * @param name  the public name of the transform, for messages.
 * @param push  pushes the layer and returns its level.
 * @param body  runs inside; gives the result, and the tensors that outlive the layer.
 */
export function withLevel<T>(
  name: string,
  push: () => number,
  body: (level: number) => readonly [result: T, kept: ReadonlySet<Tensor>],
): T {
  const scope: Scope = openScope(`it was made inside \`${name}\`, which has ended; return it from there`);
  const depth = native().depth();
  let kept: ReadonlySet<Tensor> = new Set();
  try {
    const [result, live] = nested(name, depth, () => body(push()));
    kept = live;
    return result;
  } finally {
    native().unwind(depth);
    closeScope(scope, kept);
  }
}
