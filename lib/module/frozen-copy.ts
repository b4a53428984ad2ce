import { isContainer } from '../tree';

/**
 * Arrays and plain objects in static fields count by content (NOTE [static values]), so they must not change under
 * a structure that was compared with them: a copy that is frozen all the way down, or the value itself if it is so
 * already. Depth does not matter, and what is shared or contains itself is so in the copy.
 */
export function frozenCopy(value: unknown): unknown {
  if (!isContainer(value) || isDeepFrozen(value)) return value;
  const copies = new Map<object, object>();
  const pending: object[] = [];
  const copyOf = (part: unknown): unknown => {
    if (!isContainer(part)) return part;
    let copy = copies.get(part);
    if (copy === undefined) {
      copy = Array.isArray(part) ? new Array<unknown>(part.length) : {};
      copies.set(part, copy);
      pending.push(part);
    }
    return copy;
  };
  const result = copyOf(value);
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    const copy = copies.get(part)!;
    for (const [key, item] of Object.entries(part)) {
      Object.defineProperty(copy, key, {
        value: copyOf(item),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
  }
  for (const copy of copies.values()) Object.freeze(copy);
  return result;
}

function isDeepFrozen(value: unknown): boolean {
  const met = new Set<unknown>();
  const pending = [value];
  while (pending.length > 0) {
    const part = pending.pop();
    if (!isContainer(part) || met.has(part)) continue;
    if (!Object.isFrozen(part)) return false;
    met.add(part);
    for (const item of Object.values(part)) pending.push(item);
  }
  return true;
}
