import { native } from '../lib/native';
import { thrown } from './support/thrown';

const float32 = 6;

function numbers(values: number[]): number {
  const bytes = Float32Array.from(values);
  return Math.abs(native().fromBytes(bytes, [values.length], float32, float32, 'cpu'));
}

function read(handle: number, size: number): number[] {
  const into = new Float32Array(size);
  native().readInto(handle, into, float32, 'read');
  return Array.from(into);
}

test('the addon is loaded once and names the libtorch that it runs on', () => {
  expect(native()).toBe(native());
  expect(native().libtorchVersion).toMatch(/^2\.\d+\.\d+/);
  expect(native().cpuCapability()).not.toBe('');
});

test('an operator is called by its index, with defaults where arguments are absent', () => {
  const add = native().resolve('aten::add.Tensor', 'add');
  const x = numbers([1, 2]);
  const sum = Math.abs(native().call(add, x, x) as number);
  expect(read(sum, 2)).toEqual([2, 4]);
  expect(read(Math.abs(native().call(add, x, [10], 2) as number), 2)).toEqual([21, 22]);
  expect(() => native().call(1e6, x)).toThrow('no such operator');
  expect(() => native().call(-1, x)).toThrow('no such operator');
});

test('unknown operators and wrong arguments are errors of the user’s name', () => {
  expect(thrown(() => native().resolve('aten::nonsense', 'nonsense')).code).toBe('ERR_OPERATOR');
  const sum = native().resolve('aten::sum.dim_IntList', 'sum');
  const x = numbers([1, 2]);
  for (const wrong of ['text', {}, true, [1.5]]) {
    const error = thrown(() => native().call(sum, x, wrong));
    expect([error.code, error.op]).toEqual(['ERR_ARGUMENT', 'sum']);
  }
  const dtyped = thrown(() => native().call(sum, x, [0], false, 9999));
  expect(dtyped.code).toBe('ERR_DTYPE');
});

test('handles that name nothing are refused', () => {
  for (const handle of [0, 1, 123456789, 2 ** 40, 2 ** 53, NaN]) {
    expect(thrown(() => native().shape(handle)).code).toBe('ERR_DISPOSED');
    expect(() => {
      native().release(handle);
    }).not.toThrow();
  }
});

test('a refusal names the dtypes and shapes that were given', () => {
  const cat = native().resolve('aten::cat', 'cat');
  const error = thrown(() => native().call(cat, [numbers([1]), numbers([1])], 5));
  expect(error.message).toMatch(/^cat: libtorch refused \[float32\[1\], float32\[1\]\], 5: /);
  const zeros = native().resolve('aten::zeros', 'zeros');
  expect(thrown(() => native().call(zeros, [1e9, 1e9], float32)).message).toContain(
    'refused [1000000000, 1000000000], float32: ',
  );
});

test('the cause of an error is libtorch’s reason without its backtrace', () => {
  const add = native().resolve('aten::add.Tensor', 'add');
  const { cause } = thrown(() => native().call(add, numbers([1, 2]), numbers([1, 2, 3])));
  expect((cause as Error).message).toBe(
    'The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0',
  );
});

test('bytes whose number does not fit the shape are refused', () => {
  expect(thrown(() => native().fromBytes(new Float32Array(3), [2], float32, float32, 'cpu')).code).toBe(
    'ERR_SHAPE',
  );
  expect(thrown(() => native().fromBytes(new Float32Array(1), [-1], float32, float32, 'cpu')).code).toBe(
    'ERR_SHAPE',
  );
  const x = numbers([1, 2]);
  expect(
    thrown(() => {
      native().readInto(x, new Float32Array(3), float32, 'read');
    }).code,
  ).toBe('ERR_SHAPE');
});

test('a signature tells dtype and shape, not values', () => {
  const signature = (handles: number[]): string => native().signature(handles);
  expect(signature([numbers([1, 2])])).toBe(signature([numbers([3, 4])]));
  expect(signature([numbers([1, 2])])).not.toBe(signature([numbers([1, 2, 3])]));
  expect(signature([])).toBe('');
});

test('threads are a setting of the process', () => {
  const found = native().numThreads();
  native().setNumThreads(2);
  expect(native().numThreads()).toBe(2);
  native().setNumThreads(found);
});

test('the kinds of argument that cannot be given each have a reason', () => {
  for (const [kind, reason] of Object.entries(native().rejectedKinds())) {
    expect(kind).not.toBe('');
    expect(reason.length).toBeGreaterThan(10);
  }
});

test('layers unwind to any depth, and unwinding none is nothing', () => {
  const addon = native();
  const levels = [addon.pushGrad(), addon.pushVmap(2), addon.pushGrad()];
  expect(addon.depth()).toBe(3);
  expect(levels).toEqual([1, 2, 3]);
  addon.unwind(1);
  expect(addon.depth()).toBe(1);
  addon.unwind(0);
  addon.unwind(0);
  expect(addon.depth()).toBe(0);
});

test('traces nest, and ending or leaving none is an error', () => {
  const addon = native();
  expect(thrown(() => addon.endTrace([])).code).toBe('ERR_TRANSFORM');
  addon.beginTrace([], 'function');
  addon.beginTrace([], 'body');
  addon.leaveTrace();
  expect(addon.tracing()).toBe(true);
  addon.leaveTrace();
  expect(addon.tracing()).toBe(false);
  expect(
    thrown(() => {
      addon.leaveTrace();
    }).code,
  ).toBe('ERR_TRANSFORM');
});
