import { TransformError } from '../base/errors';

/** More transforms than anyone nests, and fewer than the stack can bear. */
const most = 100;

/** libtorch has no more layers than 64. */
const mostLayers = 60;

let depth = 0;

/**
 * Runs a body inside a transform.
 *
 * @param layers  how many layers there are.
 * @throws ERR_TRANSFORM where a function that calls itself under the transform would never end.
 */
export function nested<T>(name: string, layers: number, body: () => T): T {
  if (depth >= most || layers >= mostLayers) {
    throw new TransformError(
      `${name}: expected a function that ends, got transforms in each other ${Math.max(depth, layers)} deep. Where a ` +
        'function calls itself no value of a tensor can end that; use scan, foriLoop or whileLoop.',
      { op: name },
    );
  }
  depth++;
  try {
    return body();
  } finally {
    depth--;
  }
}
