import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { filterJit, grad, jvp, vmap } from '../../lib/transform';
import { thrown } from '../support/thrown';

/** What libtorch gets wrong, or cannot do, inside transforms, and the library mends. */
const x = tensor([0.5, -1, 2, 3], { dtype: 'float64' });
const at = tensor([1, 2], { dtype: 'int64' });

describe('indexFill with a mapped value', () => {
  const fill = (value: Tensor): Tensor => ops.indexFill(x, 0, at, value);
  const values = tensor([7, 8], { dtype: 'float64' });
  const rows = [
    [0.5, 7, 7, 3],
    [0.5, 8, 8, 3],
  ];

  test.each([
    ['vmap', vmap(fill)],
    ['jit of vmap', filterJit(vmap(fill))],
    ['vmap of jit', vmap(filterJit(fill))],
  ])('%s fills each row with its own value', (_, mapped) => {
    expect(mapped(values).toArray()).toEqual(rows);
  });

  test('has its gradient, and refuses values with axes', () => {
    expect(grad((value: Tensor) => vmap(fill)(value).sum())(values).toArray()).toEqual([2, 2]);
    expect(thrown(() => vmap(fill)(ops.zeros([2, 3], { dtype: 'float64' }))).message).toMatch(
      /value without axes, got one with 1/,
    );
  });
});

test('gradients that are zeros without memory can be read', () => {
  const slope = grad((value: Tensor) => ops.sgn(value).sum());
  expect(slope(x).toArray()).toEqual([0, 0, 0, 0]);
  expect(filterJit(slope)(x).toArray()).toEqual([0, 0, 0, 0]);
});

describe('what an operator reads from memory', () => {
  const second = (value: Tensor, indices: Tensor): Tensor => ops.tensorSplit(value, indices)[1]!;

  test('is read under grad, where it does not depend on the argument', () => {
    expect(grad((value: Tensor) => second(value, at).sum())(x).toArray()).toEqual([0, 1, 0, 0]);
  });

  test('is refused under jit where it is traced, instead of kept from the trace', () => {
    expect(filterJit((value: Tensor) => second(value, at))(x).toArray()).toEqual([-1]);
    const error = thrown(() => filterJit(second)(x, at));
    expect([error.code, error.message.split(' that ')[0]]).toEqual([
      'ERR_CONCRETISATION',
      'tensorSplit: expected a result whose shape and kind are known without values, got one',
    ]);
  });

  test('is part of a program where it cannot be taken apart', () => {
    const scaleOf = (value: Tensor): Tensor => ops.chooseQparamsOptimized(value, 4, 200, 0.16, 8)[0];
    const [small, large] = [tensor([0, 1, 2, 3]), tensor([0, 10, 20, 30])];
    const compiled = filterJit(scaleOf);
    expect(compiled(small).toArray()).toEqual(scaleOf(small).toArray());
    expect(compiled(large).toArray()).toEqual(scaleOf(large).toArray());
    expect(scaleOf(large).toArray()).not.toEqual(scaleOf(small).toArray());
  });
});

describe('compiled functions have gradients also where libtorch decides by whether one is asked for', () => {
  const matrix = tensor(
    [
      [2, 1],
      [1, 3],
    ],
    { dtype: 'float64' },
  );

  test.each([
    ['linalgSvdvals', (a: Tensor): Tensor => ops.linalgSvdvals(a).sum()],
    ['linalgEigvals', (a: Tensor): Tensor => ops.linalgEigvals(a).abs().sum()],
    ['linalgEigvalsh', (a: Tensor): Tensor => ops.linalgEigvalsh(a).at(0).get()],
    ['embeddingBag', (a: Tensor): Tensor => ops.embeddingBag(a, at.sub(1), at.sub(1))[0].square().sum()],
  ])('%s', (_, fn) => {
    const expected = grad(fn)(matrix);
    expect(ops.allclose(grad(filterJit(fn))(matrix), expected)).toBe(true);
    expect(ops.allclose(filterJit(grad(filterJit(fn)))(matrix), expected)).toBe(true);
  });
});

test('vmap runs recurrent layers, and says what to do where it maps the input but not the state', () => {
  const params = [[2, 2], [2, 2], [2], [2]].map((shape) => ops.ones(shape).mul(0.1));
  const run = (input: Tensor, state: Tensor): Tensor =>
    ops.rnnTanh(input, state, params, true, 1, 0, false, false, false)[0];
  const inputs = ops.arange(12).reshape([2, 3, 1, 2]).to('float32').div(10);
  const states = ops.zeros([2, 1, 1, 2]);
  const expected = ops.stack([0, 1].map((i) => run(inputs.select(0, i), states.select(0, i))));
  expect(ops.allclose(vmap(run)(inputs, states), expected)).toBe(true);
  const error = thrown(() => vmap(run, { inAxes: [0, null] })(inputs, states.select(0, 0)));
  expect([error.code, error.message]).toEqual([
    'ERR_TRANSFORM',
    expect.stringMatching(/Map the operator's other tensors too/),
  ]);
});

test('norm has a derivative in forward mode', () => {
  const [, tangent] = jvp((value: Tensor) => ops.norm(value), [x], [x]);
  expect(Number(tangent)).toBeCloseTo(Number(ops.norm(x)), 12);
});

test('a size of repeatInterleave that the call names is known while tracing', () => {
  const repeats = tensor([2, 0, 1, 1], { dtype: 'int64' });
  const repeat = (value: Tensor, counts: Tensor): Tensor =>
    ops.repeatInterleave(value, counts, 0, { outputSize: 4 });
  const compiled = filterJit(repeat);
  expect(compiled(x, repeats).toArray()).toEqual([0.5, 0.5, 2, 3]);
  expect(compiled(x, repeats.flip(0)).toArray()).toEqual([0.5, -1, 3, 3]);
});

test('views as another dtype compile', () => {
  const bits = (value: Tensor): Tensor => ops.view(value, 'int64');
  expect(filterJit(bits)(x).toArray()).toEqual(bits(x).toArray());
});

test('stft is centred, as that of Python is', () => {
  const given = ops.arange(16, { dtype: 'float64' });
  expect(ops.stft(given, 4, { hopLength: 4, returnComplex: true }).shape).toEqual([3, 5]);
  expect(ops.stft(given, 4, { hopLength: 4, center: false, returnComplex: true }).shape).toEqual([3, 4]);
});

test('layouts that transforms do not know are refused by name', () => {
  const sparse = x.toSparse();
  expect(thrown(() => sparse.toArray()).message).toMatch(
    /^.*expected a tensor of strided layout, got float64\[4\] of layout Sparse/,
  );
  expect(thrown(() => filterJit((value: Tensor) => value.mul(2))(sparse)).code).toBe('ERR_ARGUMENT');
  const error = thrown(() => vmap((value: Tensor) => value.toSparse())(x.reshape([2, 2])));
  expect([error.code, error.message]).toEqual([
    'ERR_TRANSFORM',
    expect.stringMatching(/^toSparse: expected an operator on tensors of strided layout/),
  ]);
});
