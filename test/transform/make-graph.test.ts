import { scan } from '../../lib/control';
import * as nn from '../../lib/nn';
import { key } from '../../lib/random';
import { tensor } from '../../lib/tensor/create';
import { ShapeDtypeStruct } from '../../lib/tensor/shape-dtype-struct';
import type { Tensor } from '../../lib/tensor/tensor';
import { filterMakeGraph, grad, makeGraph, vmap } from '../../lib/transform';
import { expectNothingLeft, thrown } from '../support/numeric';

const x = tensor([1, 2, 3]);

describe('makeGraph', () => {
  test('shows the operators, and the results without values', () => {
    const { graph, operators, consts, outStruct, outStatic } = makeGraph((a: Tensor) => ({
      y: a.sin().mul(2),
    }))(x);
    expect(operators).toEqual({ 'aten::sin': 1, 'aten::mul': 1 });
    expect(graph).toContain('aten::sin');
    expect(consts).toEqual([]);
    expect(String((outStruct as { y: unknown }).y)).toBe('float32[3]');
    expect(outStatic).toEqual({ y: null });
  });

  test('sees what transforms inside do, and is not slower for large arguments than for their shape', () => {
    const look = new ShapeDtypeStruct([3], 'float32');
    expect(makeGraph(grad((a: Tensor) => a.sin().sum()))(look).operators).toMatchObject({ 'aten::cos': 1 });
    expect(makeGraph(vmap((a: Tensor) => a.exp()))(look).operators).toEqual({ 'aten::exp': 1 });
    const looped = makeGraph((a: Tensor) => scan((c: Tensor, b: Tensor) => [c.add(b), c], tensor(0), a))(
      look,
    );
    expect(looped.operators).toMatchObject({ 'prim::Loop': 1 });
  });

  test('lists captured tensors', () => {
    const w = tensor([3, 4, 5]);
    const { consts } = makeGraph((a: Tensor) => a.mul(w))(x);
    expect(consts[0]).toBe(w);
    expect(consts).toHaveLength(1);
  });

  test('leaves nothing behind, also when the function throws', () => {
    expectNothingLeft(() => {
      makeGraph((a: Tensor) => a.sin())(x);
      expect(() =>
        makeGraph((): Tensor => {
          throw new RangeError();
        })(),
      ).toThrow(RangeError);
    });
  });

  test('refuses other leaves, reads, Promises, and what is no function', () => {
    expect(thrown(() => makeGraph((a: number) => a)(3)).message).toContain('got 3 at [0]');
    expect(thrown(() => makeGraph((a: Tensor) => a.item())(x))).toMatchObject({ code: 'ERR_CONCRETISATION' });
    expect(thrown(() => makeGraph(async (a: Tensor) => Promise.resolve(a))(x)).message).toContain('Promise');
    expect(thrown(() => makeGraph(3 as never))).toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});

describe('filterMakeGraph', () => {
  test('takes a module and any leaves', () => {
    const linear = new nn.Linear(3, 2, { key: key(0) });
    const { outStruct, outStatic, operators, consts } = filterMakeGraph(
      (m: nn.Linear, a: Tensor, n: number) => [m.forward(a).mul(n), n, 'text'],
    )(linear, new ShapeDtypeStruct([3], 'float32'), 4);
    expect((outStruct as unknown[]).map(String)).toEqual(['float32[2]', 'null', 'null']);
    expect(outStatic).toEqual([null, 4, 'text']);
    expect(Object.keys(operators).length).toBeGreaterThan(0);
    expect(consts).toEqual([]);
    const own = filterMakeGraph(linear)(x).consts;
    expect([linear.weight, linear.bias].map((leaf, i) => own[i] === leaf)).toEqual([true, true]);
  });

  test('takes a returned ShapeDtypeStruct for a static leaf, as Equinox does', () => {
    const look = new ShapeDtypeStruct([7], 'int32');
    const { outStruct, outStatic } = filterMakeGraph((a: Tensor) => [a, look])(look);
    expect((outStruct as unknown[]).map(String)).toEqual(['int32[7]', 'null']);
    expect((outStatic as unknown[])[1]).toBe(look);
  });
});
