import { field, Module } from '../../lib/module';
import { frozenCopy } from '../../lib/module/frozen-copy';
import { map, structure } from '../../lib/tree';

describe('frozenCopy', () => {
  test('copies arrays and plain objects, and nothing else', () => {
    const date = new Date(0);
    const given = { b: [1, { a: date }], a: 2 };
    const copy = frozenCopy(given) as typeof given;
    expect(copy).toEqual(given);
    expect(copy).not.toBe(given);
    expect(Object.keys(copy)).toEqual(['b', 'a']);
    expect(copy.b[1]).toHaveProperty('a', date);
    expect(Object.isFrozen(copy) && Object.isFrozen(copy.b) && Object.isFrozen(copy.b[1])).toBe(true);
    expect(Object.isFrozen(given)).toBe(false);
    expect(frozenCopy(date)).toBe(date);
    expect(frozenCopy(copy)).toBe(copy);
  });

  test('keeps what is shared and what contains itself, at any depth', () => {
    const shared = [1];
    const copy = frozenCopy([shared, shared]) as unknown[];
    expect(copy[0]).toBe(copy[1]);
    const cycle: unknown[] = [1];
    cycle.push(cycle);
    const frozen = frozenCopy(cycle) as unknown[];
    expect(frozen[1]).toBe(frozen);
    expect(frozenCopy(frozen)).toBe(frozen);
    let deep: unknown = [1];
    for (let i = 0; i < 10_000; i++) deep = [deep];
    expect(Object.isFrozen(frozenCopy(deep))).toBe(true);
  });

  test('so a static field may hold a cycle of plain objects', () => {
    class Graph extends Module {
      static readonly fields = { links: field({ static: true }) };
      readonly x = 1;
      readonly links: { next?: unknown };
      constructor() {
        super();
        this.links = {};
        this.links.next = [this.links];
      }
    }
    const graph = map((x: number) => x + 1, new Graph());
    expect(graph.x).toBe(2);
    expect(structure(graph).equals(structure(new Graph()))).toBe(true);
    expect(structure(graph).hash).toBe(structure(new Graph()).hash);
    expect(structure(graph).toString()).toBe("Structure(Graph(x=*, links={'next': [{'next': [...]}]}))");
    expect(String(graph)).toBe("Graph(x=2, links={'next': [<recursive>]})");
  });
});
