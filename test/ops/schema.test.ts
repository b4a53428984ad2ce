import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { native } from '../../lib/native';
import { camelCase, isFunctional, parseSchema, parseType } from '../../lib/ops/schema';

const lines = readFileSync(join(__dirname, '../../lib/ops/schemas.txt'), 'utf8').trimEnd().split('\n');

describe('schemas.txt', () => {
  test('is the list that the loaded libtorch reports', () => {
    expect(native().schemas('aten').sort()).toEqual(lines);
  });

  test('is sorted and free of duplicates', () => {
    expect(lines).toEqual([...new Set(lines)].sort());
  });
});

describe('parseSchema', () => {
  test('takes names, defaults, keyword-only arguments and returns apart', () => {
    const schema = parseSchema(
      'aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
    );
    expect(schema.fullName).toBe('aten::sum.dim_IntList');
    expect([schema.name, schema.overload]).toEqual(['sum', 'dim_IntList']);
    expect(schema.args.map((arg) => [arg.name, arg.type.base, arg.defaultText, arg.isKeywordOnly])).toEqual([
      ['self', 'Tensor', undefined, false],
      ['dim', 'int', undefined, false],
      ['keepdim', 'bool', 'False', false],
      ['dtype', 'ScalarType', 'None', true],
    ]);
    expect(schema.args[1]?.type).toMatchObject({
      isList: true,
      length: 1,
      isOptional: true,
      hasOptionalElements: false,
    });
    expect(schema.returns.map((result) => [result.name, result.type.base])).toEqual([[undefined, 'Tensor']]);
  });

  test('takes the namespace for aten where there is none', () => {
    expect(parseSchema('relu(Tensor self) -> Tensor').fullName).toBe('aten::relu');
    expect(parseSchema('equinode::bits(Tensor key) -> Tensor').fullName).toBe('equinode::bits');
  });

  test('keeps commas in strings and lists out of the way', () => {
    const { args } = parseSchema('aten::f(Tensor a, str b="x,)", int[2] c=[-2, -1], *, str? d=None) -> ()');
    expect(args.map((arg) => [arg.name, arg.defaultText])).toEqual([
      ['a', undefined],
      ['b', '"x,)"'],
      ['c', '[-2, -1]'],
      ['d', 'None'],
    ]);
  });

  test('names the returns that have names', () => {
    const { returns } = parseSchema(
      'max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)',
    );
    expect(returns.map((result) => result.name)).toEqual(['values', 'indices']);
    expect(parseSchema('f() -> ()').returns).toEqual([]);
  });

  test.each([
    '',
    'aten::add',
    'aten::add(Tensor self',
    'aten::add(Tensor self)',
    'aten::add(self) -> Tensor',
  ])('refuses %j', (line) => {
    expect(() => parseSchema(line)).toThrow(SyntaxError);
  });

  // The law: what is taken apart can be put together again, for every operator there is.
  test('loses nothing of any schema', () => {
    for (const line of lines) {
      const schema = parseSchema(line);
      const print = (type: ReturnType<typeof parseType>): string => {
        const base = type.alias === undefined ? type.base : `${type.base}(${type.alias})`;
        const list = type.isList ? `${type.hasOptionalElements ? '?' : ''}[${type.length ?? ''}]` : '';
        return `${base}${list}${type.isOptional ? '?' : ''}`;
      };
      const args = schema.args.map((arg) => {
        const fallback = arg.defaultText === undefined ? '' : `=${arg.defaultText}`;
        return `${print(arg.type)} ${arg.name}${fallback}`;
      });
      const star = schema.args.findIndex((arg) => arg.isKeywordOnly);
      if (star >= 0) args.splice(star, 0, '*');
      const returns = schema.returns.map(
        (one) => print(one.type) + (one.name === undefined ? '' : ` ${one.name}`),
      );
      const isTuple = schema.returns.length !== 1 || line.includes('-> (');
      const tail = isTuple ? `(${returns.join(', ')})` : returns.join();
      expect(`${schema.fullName}(${args.join(', ')}) -> ${tail}`).toBe(line);
    }
  });
});

describe('parseType', () => {
  test.each([
    ['Tensor', { base: 'Tensor', isList: false, isOptional: false }],
    ['Tensor(a!)[]', { base: 'Tensor', isList: true, alias: 'a!' }],
    ['Tensor(a -> *)', { base: 'Tensor', alias: 'a -> *' }],
    ['Tensor?[]', { isList: true, isOptional: false, hasOptionalElements: true }],
    ['SymInt[2]?', { base: 'SymInt', isList: true, length: 2, isOptional: true, hasOptionalElements: false }],
    ['Dict(int, Tensor)', { base: 'Dict(int, Tensor)', isList: false }],
  ])('reads %s', (text, expected) => {
    expect(parseType(text)).toMatchObject(expected);
  });
});

test('isFunctional tells operators that write to an argument', () => {
  expect(isFunctional(parseSchema('add_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)'))).toBe(false);
  expect(isFunctional(parseSchema('view(Tensor(a) self, SymInt[] size) -> Tensor(a)'))).toBe(true);
});

test.each([
  ['log_softmax', 'logSoftmax'],
  ['atleast_1d', 'atleast1d'],
  ['_foreach_add', '_foreachAdd'],
  ['hx_', 'hx'],
  ['numpy_T', 'numpyT'],
])('camelCase(%s) is %s', (name, expected) => {
  expect(camelCase(name)).toBe(expected);
});
