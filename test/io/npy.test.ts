import { FormatError } from '../../lib/base/errors';
import { dtypeInfo, dtypes } from '../../lib/base/dtype';
import { npyDescr, npyElement, npyElementsInOrder, npyPrefix, readNpyHeader } from '../../lib/io/npy';
import { ByteReader, sourceOfBytes } from '../../lib/io/byte-source';
import { testWithPython } from '../support/python';

function readerOf(bytes: Uint8Array): (length: number) => Uint8Array {
  const reader = new ByteReader(sourceOfBytes(bytes), 'test');
  return (length) => reader.read(length);
}

/** An NPY file's beginning with any header text. */
function npy(header: string, version = 1): Uint8Array {
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(Buffer.byteLength(header), 0, length.length);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Uint8Array.of(version, 0),
    length,
    Buffer.from(header),
  ]);
}

describe('npyPrefix', () => {
  test.each([
    [[], '()'],
    [[3], '(3,)'],
    [[2, 3], '(2, 3)'],
    [[0, 4], '(0, 4)'],
    [[123456789], '(123456789,)'],
  ])('a leaf of shape %p has 128 bytes before its data', (shape, text) => {
    const prefix = Buffer.from(npyPrefix('float32', shape));
    expect(prefix.length).toBe(128);
    expect(prefix.subarray(0, 10).toString('hex')).toBe('934e554d5059' + '0100' + '7600');
    const header = prefix.subarray(10).toString('latin1');
    expect(header.trimEnd()).toBe(`{'descr': '<f4', 'fortran_order': False, 'shape': ${text}, }`);
    expect(header).toMatch(/}\s+\n$/);
  });

  test('long shapes move the data on by 64 bytes at a time', () => {
    const shape = Array.from({ length: 40 }, () => 1);
    expect(npyPrefix('int64', shape).length % 64).toBe(0);
    expect(readNpyHeader(readerOf(npyPrefix('int64', shape))).shape).toEqual(shape);
  });

  test.each(dtypes)('%s: what is written is read again', (dtype) => {
    const header = readNpyHeader(readerOf(npyPrefix(dtype, [2, 3])));
    expect(header).toEqual({ descr: npyDescr(dtype), fortranOrder: false, shape: [2, 3] });
    expect(npyElement(header.descr)).toEqual({ dtype, bigEndian: false });
  });

  testWithPython('equals what NumPy writes', ['numpy', 'ml_dtypes'], (python) => {
    const shapes = [[], [1], [7], [0, 4], [2, 3], [10, 1, 1, 5], [12345678, 0]];
    const script = `
import io, json, sys
import numpy as np
import ml_dtypes
for dtype, shape in json.loads(sys.argv[1]):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.empty(shape, getattr(ml_dtypes, dtype, dtype)), version=(1, 0))
    size = int(np.prod(shape)) * np.dtype(getattr(ml_dtypes, dtype, dtype)).itemsize
    print(file.getvalue()[:len(file.getvalue()) - size].hex())
`;
    const cases = dtypes.flatMap((dtype) => shapes.map((shape) => [dtype, shape] as const));
    const expected = python.run(script, JSON.stringify(cases)).trim().split('\n');
    expect(cases.map(([dtype, shape]) => Buffer.from(npyPrefix(dtype, shape)).toString('hex'))).toEqual(
      expected,
    );
  });
});

describe('readNpyHeader', () => {
  const plain = "{'descr': '<i8', 'fortran_order': True, 'shape': (5, 2), }";

  test.each([1, 2, 3])('reads version %i, and nothing after the header', (version) => {
    const bytes = Buffer.concat([npy(plain, version), Buffer.from('data')]);
    const reader = new ByteReader(sourceOfBytes(bytes), 'test');
    const header = readNpyHeader((length) => reader.read(length));
    expect(header).toEqual({ descr: '<i8', fortranOrder: true, shape: [5, 2] });
    expect(Buffer.from(reader.read(4)).toString()).toBe('data');
  });

  test("reads other writers' spacing, key order, quotes and Python 2's long integers", () => {
    const text = '{"shape":(3L,),\n "fortran_order":False , "descr":"|u1"}\n';
    expect(readNpyHeader(readerOf(npy(text)))).toEqual({ descr: '|u1', fortranOrder: false, shape: [3] });
  });

  test.each([
    ['no NPY file', Buffer.from('PK\x03\x04 a zip archive'), 'expected an NPY header, got bytes 504b0304'],
    ['an unknown version', npy(plain, 4), 'version 1, 2 or 3, got version 4'],
    [
      'a header longer than any',
      Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff', 'latin1'),
      'at most 65536 bytes',
    ],
    ['a cut header', npy(plain).subarray(0, 40), 'got the end of the data'],
    ['an empty file', new Uint8Array(), 'got the end of the data'],
    ['code instead of a literal', npy("__import__('os').getcwd()"), 'an NPY header with the keys'],
    ['a missing key', npy("{'descr': '<i8', 'shape': (5,)}"), 'an NPY header with the keys'],
    ['a fourth key', npy(plain.replace('{', "{'x': 1, ")), 'an NPY header with the keys'],
    ['a structured type', npy(plain.replace("'<i8'", "[('a', '<i8')]")), 'one element type'],
    ['an order that is no boolean', npy(plain.replace('True', '1')), "'fortran_order' to be True or False"],
    ['a negative length', npy(plain.replace('5', '-5')), 'a shape of non-negative integers'],
    ['a shape that is no tuple', npy(plain.replace('(5, 2)', '(5)')), 'a shape of non-negative integers'],
    [
      'more elements than memory',
      npy(plain.replace('5', '9'.repeat(30))),
      'a shape of non-negative integers',
    ],
    [
      'a product that overflows',
      npy(plain.replace('5, 2', '4294967296, 4294967296')),
      'a shape of non-negative',
    ],
    ['deep nesting', npy(plain.replace('(5, 2)', '('.repeat(5000))), 'an NPY header with the keys'],
    ['too many axes', npy(plain.replace('5, 2', '1, '.repeat(65))), 'a shape of non-negative integers'],
  ])('%s is a FormatError', (_name, bytes, message) => {
    const read = () => readNpyHeader(readerOf(bytes));
    expect(read).toThrow(FormatError);
    expect(read).toThrow(message);
  });

  test('no damage of a header makes it throw anything but a FormatError', () => {
    const whole = Buffer.from(npyPrefix('float32', [2, 3]));
    for (let at = 0; at < 75; at++) {
      for (const value of [0, 0x27, 0x28, 0x2c, 0x39, 0x5c, 0x7b, 0xff]) {
        const damaged = Buffer.from(whole);
        damaged[at] = value;
        try {
          expect(readNpyHeader(readerOf(damaged)).shape.length).toBeLessThanOrEqual(64);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }
    }
  });
});

describe('npyElement', () => {
  test('knows byte orders, and types that tensors do not have', () => {
    expect(npyElement('>f4')).toEqual({ dtype: 'float32', bigEndian: true });
    expect(npyElement('=i8')).toEqual({ dtype: 'int64', bigEndian: false });
    expect(npyElement('?')).toEqual({ dtype: 'bool', bigEndian: false });
    expect(npyElement('|V2')).toEqual({ dtype: 'bfloat16', bigEndian: false });
    for (const other of ['<U4', '|O', '<M8[ns]', '|V1', '<f16', ''])
      expect(npyElement(other)).toBeUndefined();
  });
});

describe('npyElementsInOrder', () => {
  test('little-endian data in C order is not copied', () => {
    const bytes = new Uint8Array(24);
    const header = { descr: '<f4', fortranOrder: false, shape: [2, 3] };
    expect(npyElementsInOrder(bytes, header, { dtype: 'float32', bigEndian: false })).toBe(bytes);
  });

  test.each(dtypes)('%s: big-endian data are turned, complex numbers part by part', (dtype) => {
    const { itemBytes, kind } = dtypeInfo(dtype);
    const part = kind === 'complex' ? itemBytes / 2 : itemBytes;
    const bytes = Uint8Array.from({ length: 2 * itemBytes }, (_, i) => i);
    const turned = npyElementsInOrder(
      bytes,
      { descr: '', fortranOrder: false, shape: [2] },
      { dtype, bigEndian: true },
    );
    const at = (i: number) => Math.floor(i / part) * part + (part - 1 - (i % part));
    expect([...turned]).toEqual(Array.from(bytes, (_, i) => at(i)));
  });

  test('Fortran order becomes C order', () => {
    // numpy.arange(24).reshape(2, 3, 4).tobytes(order='F') has element [i, j, k] at i + 2j + 6k.
    const bytes = new Uint8Array(24);
    for (let i = 0; i < 2; i++)
      for (let j = 0; j < 3; j++) for (let k = 0; k < 4; k++) bytes[i + 2 * j + 6 * k] = 12 * i + 4 * j + k;
    const header = { descr: '|u1', fortranOrder: true, shape: [2, 3, 4] };
    const inOrder = npyElementsInOrder(bytes, header, { dtype: 'uint8', bigEndian: false });
    expect([...inOrder]).toEqual(Array.from({ length: 24 }, (_, i) => i));
  });

  testWithPython('reads what NumPy writes in either order', ['numpy'], (python) => {
    const script = `
import io
import numpy as np
for dtype in ['<f4', '>f4', '>i2', '<c8', '>c16', '|b1']:
    for order in 'CF':
        x = np.asarray(np.arange(24).reshape(2, 3, 4), dtype, order=order)
        file = io.BytesIO()
        np.save(file, x)
        print(file.getvalue().hex(), x.astype(x.dtype.newbyteorder('<')).tobytes('C').hex())
`;
    const lines = python.run(script).trim().split('\n');
    expect(lines).toHaveLength(12);
    for (const line of lines) {
      const [file = '', expected] = line.split(' ').map((hex) => Buffer.from(hex, 'hex'));
      const reader = new ByteReader(sourceOfBytes(Buffer.from(file)), 'test');
      const header = readNpyHeader((length) => reader.read(length));
      const element = npyElement(header.descr);
      if (element === undefined) throw new Error(header.descr);
      const data = reader.read(24 * dtypeInfo(element.dtype).itemBytes);
      expect(Buffer.from(npyElementsInOrder(data, header, element))).toEqual(expected);
      expect(reader.takeEnd()).toBe(true);
    }
  });
});
