import { Module } from '../../lib/module';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { filterJit, filterJvp, grad, jit, jvp, stopGradient, vmap } from '../../lib/transform';
import { expectNothingLeft, thrown } from '../support/numeric';

const x = tensor(2, { dtype: 'float64' });
const one = tensor(1, { dtype: 'float64' });
const xs = tensor([1, 2, 3], { dtype: 'float64' });

const numbers = (tree: readonly unknown[]): unknown[] =>
  tree.map((leaf) => (leaf === null ? null : Number(leaf)));

describe('jvp', () => {
  test('gives the value and the derivative in a direction', () => {
    expect(numbers(jvp((a: Tensor) => a.sin(), [x], [one.mul(3)]))).toEqual([Math.sin(2), 3 * Math.cos(2)]);
    expect(numbers(jvp((a: Tensor, b: Tensor) => a.mul(b), [x, one], [one, null]))).toEqual([2, 1]);
  });

  test('takes trees, and gives zeros for what does not depend on the arguments', () => {
    const [value, tangent] = jvp(
      ({ a, b }: { a: Tensor; b: Tensor }) => ({ sum: a.add(b), constant: xs }),
      [{ a: x, b: one }],
      [{ a: one, b: null }],
    );
    expect([value.sum.item(), tangent.sum.item(), tangent.constant.toArray()]).toEqual([3, 1, [0, 0, 0]]);
  });

  test('passes aux on', () => {
    const [value, tangent, aux] = jvp((a: Tensor) => [a.square(), { a, note: 'hi' }] as const, [x], [one], {
      hasAux: true,
    });
    expect([value.item(), tangent.item(), aux.a.item(), aux.note]).toEqual([4, 4, 2, 'hi']);
  });

  const slope = (f: (a: Tensor) => Tensor) => (a: Tensor) => jvp(f, [a], [ops.onesLike(a)])[1];
  const cube = (a: Tensor): Tensor => a.pow(3);
  test.each([
    ['jvp', slope(cube), 12],
    ['jvp of jvp', slope(slope(cube)), 12],
    ['grad of jvp', grad(slope(cube)), 12],
    ['jvp of grad', slope(grad(cube)), 12],
    ['jit of jvp', jit(slope(cube)), 12],
    ['jvp of jit', slope(jit(cube)), 12],
    ['jvp of jvp of jvp', slope(slope(slope(cube))), 6],
    ['jvp of grad of jvp', slope(grad(slope(cube))), 6],
    ['jit of jvp of jit of grad', jit(slope(jit(grad(cube)))), 12],
  ])('%s of x³ at 2', (_name, f, expected) => {
    expect(f(x).item()).toBeCloseTo(expected, 12);
  });

  test('stands on both sides of vmap', () => {
    expect(vmap(slope(cube))(xs).toArray()).toEqual([3, 12, 27]);
    expect(slope(vmap(cube))(xs).toArray()).toEqual([3, 12, 27]);
    expect(jit(vmap(slope(cube)))(xs).toArray()).toEqual([3, 12, 27]);
  });

  test('tells perturbations of nested calls apart', () => {
    // d/dx (x · d/dy (x + y)) = 1, and 2 if the two were confused.
    const f = (a: Tensor): Tensor => a.mul(slope((b) => a.add(b))(one));
    expect(slope(f)(x).item()).toBe(1);
  });

  test('does not follow what stopGradient stops', () => {
    expect(slope((a) => a.mul(stopGradient(a)))(x).item()).toBe(2);
    expect(grad((a: Tensor) => a.mul(stopGradient({ a, n: 1 }).a))(x).item()).toBe(2);
  });

  test.each([
    [
      'other counts',
      (): unknown => jvp((a: Tensor) => a, [x], [] as never),
      'as many primals as tangents',
      'ERR_ARGUMENT',
    ],
    [
      'an integer',
      (): unknown => jvp((a: Tensor) => a, [tensor(1, { dtype: 'int32' })], [null]),
      'expected floating-point tensors to differentiate by, got int32[] at [0]',
      'ERR_TRANSFORM',
    ],
    [
      'another shape',
      (): unknown => jvp((a: Tensor) => a, [x], [xs]),
      'got float64[3] at [0]',
      'ERR_TRANSFORM',
    ],
    [
      'another dtype',
      (): unknown => jvp((a: Tensor) => a, [x], [tensor(1)]),
      'expected float64[] among the tangents, got float32[] at [0]',
      'ERR_TRANSFORM',
    ],
    [
      'no pair with hasAux',
      (): unknown => jvp(((a: Tensor) => a) as never, [x], [one], { hasAux: true }),
      '[value, aux]',
      'ERR_TRANSFORM',
    ],
    [
      'a Promise',
      (): unknown => jvp((a: Tensor) => Promise.resolve(a) as never, [x], [one]),
      'Promise',
      'ERR_TRANSFORM',
    ],
  ])('refuses %s', (_what, body, message, code) => {
    expectNothingLeft(() => {
      const error = thrown(body);
      expect(error.message).toContain(message);
      expect(error).toMatchObject({ code });
    });
    expect(grad((a: Tensor) => a.square())(x).item()).toBe(4);
  });

  test('leaves nothing behind', () => {
    expectNothingLeft(() => {
      for (const made of jvp((a: Tensor) => a.sin().mul(a), [x], [one])) made.dispose();
    });
  });
});

describe('filterJvp', () => {
  test('takes numbers, and gives numbers as tensors', () => {
    const increment = (a: Tensor): Tensor => ops.add(a, 1);
    expect(numbers(filterJvp(increment, [1], [1]))).toEqual([2, 1]);
    expect(numbers(filterJvp(filterJit(increment), [x], [1]))).toEqual([3, 1]);
    const inside = filterJit((a: Tensor, t: Tensor) => filterJvp(increment, [a], [t]));
    expect(numbers(inside(x, one))).toEqual([3, 1]);
  });

  test('has null where there is no derivative', () => {
    const object = { kind: 'any' };
    const f = (...args: unknown[]): unknown[] => [(args[0] as Tensor).mul(2), ...args.slice(1)];
    const primals = [x, 1, tensor([1, 2], { dtype: 'int32' }), object, one];
    const nothing = [null, null, null, { kind: null }, null];
    const [value, tangent] = filterJvp(f, primals, [tensor(5, { dtype: 'float64' }), ...nothing.slice(1)]);
    expect((value as Tensor[])[0]!.item()).toBe(4);
    expect(value[3]).toEqual(object);
    const [first, ...rest] = tangent as [Tensor, ...unknown[]];
    expect(first.item()).toBe(10);
    expect(rest).toEqual(nothing.slice(1));
    expect(filterJvp(f, primals, nothing)[1]).toEqual(nothing);
  });

  test('has null as the tangent of a value that only an outer call perturbs', () => {
    const seen: unknown[] = [];
    const outer = (a: Tensor): Tensor => {
      const [value, tangent] = filterJvp((b: Tensor) => [b.mul(2), a] as const, [one], [one]);
      seen.push(tangent[1]);
      return value[0].add(value[1]);
    };
    const [, tangent] = filterJvp(outer, [x], [one]);
    expect([tangent.item(), seen]).toEqual([1, [null]]);
  });

  test('takes modules, and options that are not differentiated', () => {
    class Line extends Module {
      declare readonly w: Tensor;
      readonly label = 'line';
      constructor(w: Tensor) {
        super();
        this.w = w;
      }
      forward(a: Tensor, { scale }: { scale: number }): Tensor {
        return this.w.mul(a).mul(scale);
      }
    }
    const line = new Line(tensor(3, { dtype: 'float64' }));
    expect(numbers(filterJvp(line as never, [x], [one], { scale: 2 }))).toEqual([12, 6]);
  });

  test.each([
    ['a number for an integer tensor', [tensor(1, { dtype: 'int32' })], [1]],
    ['a tangent of an object', [() => 1], [one]],
    ['a tangent of another dtype', [x], [tensor(1)]],
    ['a tangent of an integer tensor for a float', [x], [tensor(1, { dtype: 'int64' })]],
  ])('refuses %s', (_what, primals, tangents) => {
    const error = thrown(() => filterJvp((a: Tensor) => a, primals, tangents));
    expect(error.message).toMatch(/^filterJvp: expected .* at \[0\]/);
    expect(error).toMatchObject({ code: 'ERR_TRANSFORM' });
  });

  test('refuses tangents of another structure', () => {
    expect(thrown(() => filterJvp((a: unknown) => a, [[x]], [{ a: one }]))).toMatchObject({
      code: 'ERR_ARGUMENT',
    });
  });
});
