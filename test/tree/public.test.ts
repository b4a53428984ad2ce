import * as tree from 'equinode/tree';
import { tree as namespace } from 'equinode';

test('users have the functions of trees, and none of the tools behind them', () => {
  expect(Object.keys(tree).sort()).toEqual([
    'Structure',
    'all',
    'any',
    'broadcast',
    'flatten',
    'flattenWithPath',
    'keystr',
    'leaves',
    'leavesWithPath',
    'map',
    'mapWithPath',
    'reduce',
    'register',
    'structure',
    'transpose',
    'treeAt',
    'treeCheck',
    'treeFlattenOneLevel',
    'unflatten',
  ]);
  expect(Object.keys(namespace).sort()).toEqual(Object.keys(tree).sort());
});
