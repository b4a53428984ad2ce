/** Counts how often a function runs: once for each time it is traced. */
export function counted<A extends unknown[], R>(
  fn: (...args: A) => R,
): ((...args: A) => R) & { readonly count: number } {
  let count = 0;
  const counting = (...args: A): R => {
    count++;
    return fn(...args);
  };
  return Object.defineProperty(counting, 'count', { get: () => count }) as typeof counting & {
    count: number;
  };
}
