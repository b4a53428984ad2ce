import { Complex } from '../../lib/base/complex';
import { ArgumentError, DisposedError, DtypeError } from '../../lib/base/errors';
import { call } from '../../lib/ops/call';
import { Operator } from '../../lib/ops/operator';
import { Tensor } from '../../lib/tensor/tensor';

/** What the addon was asked for: the overload's full name and the arguments as they crossed. */
let calls: unknown[][] = [];
let answer: unknown = 99;
const names: string[] = [];

jest.mock('../../lib/native', () => ({
  native: () => ({
    resolve: (name: string) => names.push(name) - 1,
    call: (id: number, ...args: unknown[]) => {
      calls.push([names[id], ...args]);
      return answer;
    },
    guard: () => ({}),
    shape: () => [2, 3],
    dtype: () => 6,
  }),
}));

const tensorOf = (handle: number): Tensor => new Tensor(handle);
const x = tensorOf(1);
const y = tensorOf(2);

/** Calls an operator and gives what crossed. */
function crossed(op: Operator, ...args: unknown[]): unknown[] | undefined {
  calls = [];
  call(op, args);
  return calls[0];
}

beforeEach(() => {
  answer = 99;
});

const add = new Operator('add', [
  'add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor',
  'add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor',
]);
const sum = new Operator('sum', [
  'sum(Tensor self, *, ScalarType? dtype=None) -> Tensor',
  'sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor',
]);
const conv2d = new Operator('conv2d', [
  'conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor',
  'conv2d.padding(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], str padding="valid", SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor',
]);
const maximum = new Operator('maximum', ['maximum(Tensor self, Tensor other) -> Tensor']);

describe('the choice of an overload', () => {
  test('a number prefers a scalar, a tensor a tensor', () => {
    expect(crossed(add, x, 2)).toEqual(['aten::add.Scalar', 1, 2]);
    expect(crossed(add, x, y)).toEqual(['aten::add.Tensor', 1, 2]);
  });

  test('a number stands for a tensor where nothing else fits', () => {
    expect(crossed(maximum, x, 0)).toEqual(['aten::maximum', 1, [0]]);
    expect(crossed(add, 2, y)).toEqual(['aten::add.Tensor', [2], 2]);
    expect(crossed(maximum, true, new Complex(1, 2))).toEqual(['aten::maximum', [true], [new Complex(1, 2)]]);
    expect(crossed(maximum, x, 5n)).toEqual(['aten::maximum', 1, [5n]]);
  });

  test('the kind of an argument or an option decides', () => {
    expect(crossed(sum, x)).toEqual(['aten::sum', 1]);
    expect(crossed(sum, x, 0)).toEqual(['aten::sum.dim_IntList', 1, 0]);
    expect(crossed(sum, x, { keepdim: true, dim: [0, 1] })).toEqual([
      'aten::sum.dim_IntList',
      1,
      [0, 1],
      true,
    ]);
    expect(crossed(conv2d, x, y, { padding: 'same' })).toEqual([
      'aten::conv2d.padding',
      1,
      2,
      undefined,
      undefined,
      'same',
    ]);
  });
});

describe('arguments', () => {
  test('with a default go by position or by name', () => {
    const expected = ['aten::sum.dim_IntList', 1, 0, true];
    expect(crossed(sum, x, 0, true)).toEqual(expected);
    expect(crossed(sum, x, 0, { keepdim: true })).toEqual(expected);
    expect(crossed(sum, x, { dim: 0, keepdim: true })).toEqual(expected);
  });

  test('undefined means the default, null means none', () => {
    expect(crossed(conv2d, x, y, null, undefined, 1)).toEqual(['aten::conv2d', 1, 2, null, undefined, 1]);
    expect(crossed(sum, x, null)).toEqual(['aten::sum.dim_IntList', 1, null]);
    expect(crossed(sum, x, undefined, true)).toEqual(['aten::sum.dim_IntList', 1, null, true]);
    expect(crossed(sum, x, { keepdim: undefined, dim: 0 })).toEqual(['aten::sum.dim_IntList', 1, 0]);
  });

  test('required ones that are keyword-only in ATen go either way', () => {
    const div = new Operator('div', [
      'div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor',
    ]);
    expect(crossed(div, x, y, 'floor')).toEqual(['aten::div.Tensor_mode', 1, 2, 'floor']);
    expect(crossed(div, x, y, { roundingMode: 'floor' })).toEqual(['aten::div.Tensor_mode', 1, 2, 'floor']);
    expect(() => call(div, [x, y])).toThrow(ArgumentError);
  });

  test('names cross as libtorch codes', () => {
    const to = new Operator('zeros', [
      'zeros(SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, MemoryFormat? memory_format=None) -> Tensor',
    ]);
    const options = { dtype: 'int64', layout: 'sparse_csr', device: 'cpu', memoryFormat: 'channels_last' };
    expect(crossed(to, [2, 3], options)).toEqual(['aten::zeros', [2, 3], 4, 2, 'cpu', 2]);
    expect(crossed(to, 4)).toEqual(['aten::zeros', [4]]);
    expect(() => call(to, [[2], { layout: 'dense' }])).toThrow(
      'zeros: expected layout to be one of strided, sparse, sparse_csr, mkldnn, sparse_csc, sparse_bsr, sparse_bsc, jagged, got "dense".',
    );
    expect(() => call(to, [[2], { dtype: 'float31' }])).toThrow(DtypeError);
  });

  test('a reduction goes by name or code', () => {
    const loss = new Operator('mseLoss', ['mse_loss(Tensor self, Tensor target, int reduction=1) -> Tensor']);
    expect(crossed(loss, x, y, 'sum')).toEqual(['aten::mse_loss', 1, 2, 2]);
    expect(crossed(loss, x, y, { reduction: 'none' })).toEqual(['aten::mse_loss', 1, 2, 0]);
    expect(crossed(loss, x, y, 1)).toEqual(['aten::mse_loss', 1, 2, 1]);
  });

  test('lists of tensors cross as handles and nulls', () => {
    const index = new Operator('index', ['index.Tensor(Tensor self, Tensor?[] indices) -> Tensor']);
    expect(crossed(index, x, [null, y])).toEqual(['aten::index.Tensor', 1, [null, 2]]);
    const cat = new Operator('cat', ['cat(Tensor[] tensors, int dim=0) -> Tensor']);
    expect(crossed(cat, [x, y], 1)).toEqual(['aten::cat', [1, 2], 1]);
    expect(() => call(cat, [[x, null]])).toThrow(ArgumentError);
  });
});

describe('results', () => {
  test('become tensors, null for an undefined one, tuples, dtypes and complex numbers', () => {
    expect(call(add, [x, y])).toBeInstanceOf(Tensor);
    const max = new Operator('max', ['max.dim(Tensor self, int dim) -> (Tensor values, Tensor indices)']);
    answer = [5, 0];
    const [values, indices] = call(max, [x, 0]) as [Tensor, null];
    expect([values._handle, indices]).toEqual([5, null]);
    const split = new Operator('split', ['split(Tensor self, int n) -> Tensor[]']);
    answer = [5, 6, 7];
    expect((call(split, [x, 1]) as Tensor[]).map((one) => one._handle)).toEqual([5, 6, 7]);
    const promote = new Operator('promote', [
      'promote_types(ScalarType type1, ScalarType type2) -> ScalarType',
    ]);
    answer = 7;
    expect(call(promote, ['float32', 'float64'])).toBe('float64');
    const item = new Operator('item', ['item(Tensor self) -> Scalar']);
    answer = { re: 1, im: 2 };
    expect(call(item, [x])).toEqual(new Complex(1, 2));
    answer = true;
    expect(call(new Operator('equal', ['equal(Tensor self, Tensor other) -> bool']), [x, y])).toBe(true);
    answer = undefined;
    expect(call(new Operator('f', ['f(Tensor self) -> ()']), [x])).toBeUndefined();
  });
});

describe('mistakes', () => {
  test('arguments that fit no overload: what was given and every form', () => {
    expect(() => call(add, [x, 'a'])).toThrow(
      new ArgumentError(
        'add: expected arguments of one of these forms, got (float32[2,3], "a").\n' +
          '  add(self: Tensor, other: Scalar, alpha: Scalar = 1)\n' +
          '  add(self: Tensor, other: Tensor, alpha: Scalar = 1)',
      ),
    );
    expect(() => call(sum, [])).toThrow(ArgumentError);
    expect(() => call(sum, [x, 0, true, 'float32', 1])).toThrow(ArgumentError);
    expect(() => call(sum, [x, 0.5])).toThrow(ArgumentError);
    expect(() => call(sum, [x, { dim: 'x' }])).toThrow(
      /got \(float32\[2,3\], \{ dim: "x" \}\)\.\n {2}sum\(self: Tensor, dtype: dtype \| null = null\)/,
    );
  });

  test('an unknown option: the allowed ones', () => {
    expect(() => call(add, [x, y, { beta: 2 }])).toThrow("add: expected options among alpha, got 'beta'.");
    expect(() => call(maximum, [x, y, { alpha: 2 }])).toThrow(
      "maximum: expected no options here, got 'alpha'.",
    );
  });

  test('an option that is given by position already', () => {
    expect(() => call(sum, [x, 0, { dim: 1 }])).toThrow(
      "sum: expected options among keepdim, dtype, got 'dim', which is already given by position.",
    );
  });

  test('a disposed tensor names the operator', () => {
    expect(() => call(add, [x, tensorOf(0)])).toThrow(DisposedError);
    expect(() => call(add, [x, tensorOf(0)])).toThrow(/^add: expected a live tensor/);
  });
});
