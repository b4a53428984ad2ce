import { requireOptions } from '../base/options';
import { Tensor } from '../tensor/tensor';
import { transformsAround } from '../transform/around';
import { leaves } from '../tree';

export interface AnnounceOptions {
  /** Stands before what is announced, in parentheses. */
  readonly name?: string | undefined;
  /** Whether the outer transforms are announced one by one, too. */
  readonly intermediates?: boolean | undefined;
  /** Where the lines go; `console.log` unless given. */
  readonly announce?: ((line: string) => void) | undefined;
}

/**
 * The identity, which announces the transforms around each tensor of `x`, the outermost first: `jit:vmap:grad`, and
 * `impl` for none. Inside a compiled function that happens while it is traced.
 *
 * @returns x.
 * @see equinox.debug.announce_transform. Difference: the lines name Equinode's transforms, one line for each set of
 *   them.
 */
export function announceTransform<T>(x: T, options: AnnounceOptions = {}): T {
  requireOptions(options, ['name', 'intermediates', 'announce'], 'announceTransform');
  const { name, intermediates = false, announce = console.log } = options;
  const lines = new Set<string>();
  for (const leaf of leaves(x)) {
    if (!(leaf instanceof Tensor)) continue;
    const around = transformsAround(leaf);
    const first = intermediates ? 1 : around.length;
    for (let count = first; count < around.length; count++) lines.add(around.slice(0, count).join(':'));
    lines.add(around.length === 0 ? 'impl' : around.join(':'));
  }
  for (const line of lines) announce(name === undefined ? line : `(${name}) ${line}`);
  return x;
}
