import { TreeError } from '../../lib/base/errors';
import { treeCheck, treeFlattenOneLevel, unflatten } from '../../lib/tree';

describe('treeFlattenOneLevel', () => {
  test('gives the children of the root', () => {
    // eqx.tree_flatten_one_level({"a": 3, "b": (1, 2)})[0] == [3, (1, 2)]
    expect(treeFlattenOneLevel({ a: 3, b: [1, 2] })[0]).toEqual([3, [1, 2]]);
    const items = [null, undefined, { a: 1 }, 1, 2];
    expect(treeFlattenOneLevel(items)[0]).toEqual(items);
  });

  test('gives a leaf as its own child, and nothing for null', () => {
    expect(treeFlattenOneLevel(5)[0]).toEqual([5]);
    expect(treeFlattenOneLevel(null)[0]).toEqual([]);
  });

  test('gives the structure that builds the tree again', () => {
    const t = { a: 3, b: [1, 2] };
    const [children, structure] = treeFlattenOneLevel(t);
    expect(unflatten(structure, children)).toEqual(t);
  });

  test('refuses a node that is its own child, but not a longer cycle', () => {
    const own: unknown[] = [1];
    own.push(own);
    expect(() => treeFlattenOneLevel(own)).toThrow(
      new TreeError(
        'treeFlattenOneLevel: expected a tree, got array of 2 that is its own child. Remove the link to itself.',
      ),
    );
    const longer: unknown[] = [];
    longer.push([longer]);
    expect(treeFlattenOneLevel(longer)[0]).toHaveLength(1);
  });
});

describe('treeCheck', () => {
  test('takes leaves, null and empty nodes any number of times', () => {
    const leaf = new Date();
    const empty: unknown[] = [];
    expect(() => {
      treeCheck([leaf, leaf, null, null, empty, empty, [1], [1]]);
    }).not.toThrow();
  });

  test('refuses a node that is there twice', () => {
    const node = [1];
    expect(() => {
      treeCheck({ a: node, b: { c: node } });
    }).toThrow(
      new TreeError(
        "treeCheck: expected every node once, got array of 1 at ['b']['c'] that is the same object as the one at ['a']. " +
          'Make a copy of it, or share it with `nn.Shared`.',
      ),
    );
  });

  test('refuses a node inside itself', () => {
    const node: unknown[] = [];
    node.push({ again: node });
    expect(() => {
      treeCheck(node);
    }).toThrow("got array of 1 at [0]['again'] that is the same object as the one at the root");
  });
});
