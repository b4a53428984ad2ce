import { parsePythonLiteral } from '../../lib/io/python-literal';

describe('parsePythonLiteral', () => {
  test.each([
    ['1', 1],
    ['-12L', -12],
    ['True', true],
    ['None', null],
    [`'it\\'s'`, "it's"],
    ['"a"', 'a'],
    ['()', []],
    ['(1,)', [1]],
    ['(1)', 1],
    ['(1, 2, )', [1, 2]],
    ['[1, [2], ()]', [1, [2], []]],
    ['{}', new Map()],
    [
      " {'a' : 1, \n'b':(2,) , } ",
      new Map<string, unknown>([
        ['a', 1],
        ['b', [2]],
      ]),
    ],
  ])('%s', (text, value) => {
    expect(parsePythonLiteral(text)).toEqual(value);
  });

  test.each([
    '',
    '1 2',
    '(,)',
    '(1 2)',
    '(1,,2)',
    "{'a'}",
    '{1: 2}',
    "{'a': 1 'b': 2}",
    "'open",
    '(1',
    '1)',
    'f(1)',
    '1.5',
    'True.x',
    '((',
  ])('%s is no literal of the kind', (text) => {
    expect(parsePythonLiteral(text)).toBeUndefined();
  });
});
