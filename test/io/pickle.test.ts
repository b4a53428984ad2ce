import { FormatError } from '../../lib/base/errors';
import { PickleGlobal, readPickle, type PickleHost } from '../../lib/io/pickle';
import { thrown } from '../support/thrown';
import { op, pickleOf } from '../support/torch-file';

const called: unknown[] = [];
const host: PickleHost = {
  find: (name) =>
    name === 'known.list'
      ? new PickleGlobal(name, (args) => [...(args[0] as readonly unknown[])])
      : name === 'known.value'
        ? new PickleGlobal(name)
        : undefined,
  persistent: (id) => ({ id }),
};
const read = (...operations: readonly (Buffer | string)[]) => readPickle(pickleOf(...operations), host);

describe('readPickle', () => {
  // Each was printed by Python 3.11: pickle.dumps(value, protocol).
  test.each<[string, unknown, string]>([
    ['None', null, '80024e2e'],
    [
      '[True, False, 255, 65535, -1]',
      [true, false, 255, 65535, -1],
      '80025d71002888894bff4dffff4affffffff652e',
    ],
    ['2**70', 2n ** 70n, '80028a090000000000000000402e'],
    ['-2**31 * 2', -(2 ** 32), '80028a0500000000ff2e'],
    ['1.5', 1.5, '8002473ff80000000000002e'],
    ["'é'", 'é', '80025802000000c3a971002e'],
    [
      "(1, (2,), ('a', 'b', 'c'))",
      [1, [2], ['a', 'b', 'c']],
      '80024b014b0285710058010000006171015801000000627102580100000063710387710487710' + '52e',
    ],
    ["{'a': {}} (4)", new Map([['a', new Map()]]), '8004950a000000000000007d948c0161947d94732e'],
    ["b'\\x00' (4)", Uint8Array.of(0), '80049505000000000000004301009 42e'.replace(' ', '')],
    ['{1} (4)', new Set([1]), '800495070000000000000 08f94284b01902e'.replace(' ', '')],
  ])('%s', (_name, value, hex) => {
    expect(readPickle(Buffer.from(hex, 'hex'), host)).toEqual(value);
  });

  test('the same object is the same array', () => {
    const [a, b] = read(op.list(Buffer.concat([op.list(op.int(1)), op.put(0)]), op.get(0))) as unknown[];
    expect(a).toEqual([1]);
    expect(a).toBe(b);
  });

  test('what the host gives is called, and nothing else', () => {
    expect(read(op.call(op.global('known', 'list'), op.list(op.int(1))))).toEqual([1]);
    const error = thrown(() => read(op.call(op.global('os', 'system'), op.text('echo'))));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toBe(
      'expected tensors and plain values in the pickle, got a reference to os.system, which is never run',
    );
    expect(called).toEqual([]);
  });

  test.each<[string, readonly (Buffer | string)[], string]>([
    ['a name on the stack', [op.text('builtins'), op.text('eval'), '\x93'], 'a reference to builtins.eval'],
    ['a name from the stack that is none', [op.int(1), op.text('eval'), '\x93'], 'a reference to 1.eval'],
    ['INST', ['(ios\nsystem\n'], 'operation 0x69 at byte 3'],
    ['OBJ', ['(', op.global('known', 'list'), 'o'], 'operation 0x6f'],
    [
      'NEWOBJ',
      [op.global('known', 'list'), ')\x81'],
      'expected no objects of classes in the pickle, got one of known.list',
    ],
    ['EXT1', ['\x82\x01'], 'operation 0x82'],
    ['NEXT_BUFFER', ['\x97'], 'operation 0x97'],
    ['a call of a string', [op.call(op.text('x'))], 'expected a call of what may be called'],
    ['a call of what cannot be called', [op.call(op.global('known', 'value'))], 'got one of known.value'],
    ['attributes of a global', [op.global('known', 'list'), '}b'], 'attributes of an object'],
    ['attributes of None', ['N}b'], 'some of None'],
    ['an empty stack', ['0'], 'expected a value on the stack'],
    ['no mark', ['t'], 'expected a mark on the stack'],
    ['below a mark', [op.int(1), '(0'], 'expected a value on the stack'],
    ['append to a tuple', [')Na'], 'expected a list to append to in the pickle, got a tuple'],
    ['append to a dict', ['}Na'], 'got a dict'],
    ['items of a list', [']NNs'], 'expected a dict to set items of in the pickle, got a list'],
    ['a key alone', ['}(Nu'], 'a value for each key'],
    ['add to a list', ['](N\x90'], 'expected a set to add to'],
    ['a memo that is empty', ['h\x05'], 'got number 5, which was not'],
    ['more than one value', ['N.N'], 'expected the end of the pickle in the pickle, got 2 more bytes'],
    ['an integer of a gigabyte', ['\x8b\x00\x00\x00\x40'], 'integers of at most 1024 bytes'],
    ['a string of 4 GiB', ['X\xff\xff\xff\xff'], 'expected 4294967295 bytes at byte 7'],
    ['a string of 2^64 bytes', ['\x8d\xff\xff\xff\xff\xff\xff\xff\xff'], 'expected 67108865 bytes'],
    ['a line without an end', ['cos'], 'expected the end of a line'],
    ['protocol 0', ['\x80\x00N'], 'expected protocol 2 to 5 in the pickle, got protocol 0'],
  ])('%s is refused', (_name, operations, message) => {
    const error = thrown(() => read(...operations));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain(message);
  });

  test('a short pickle cannot fill the memory', () => {
    const endless = Buffer.alloc(1 << 23, ']');
    expect(() => read(endless)).toThrow('expected at most 4194304 objects in the pickle, got more');
    // A list of a million, copied by each of a million calls.
    const million = Buffer.concat([Buffer.from(']('), Buffer.alloc(1e6, 'N'), Buffer.from('e'), op.put(0)]);
    const call = Buffer.concat([op.call(op.global('known', 'list'), op.get(0)), Buffer.from('0')]);
    expect(() => read(million, ...Array<Buffer>(1e4).fill(call))).toThrow('objects in the pickle, got more');
  });
});
