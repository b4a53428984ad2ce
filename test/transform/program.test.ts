import { ConcretisationError } from '../../lib/base/errors';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { adopt } from '../../lib/tensor/lifetime';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { handleOf } from '../../lib/tensor/tensor';
import { resultOf, run, runAsync, trace, type Program } from '../../lib/transform/program';
import { flatten } from '../../lib/tree';
import { expectNothingLeft, thrown } from '../support/numeric';

const x = tensor([1, 2]);
const handle = (value: Tensor): number => handleOf(value, 'test');

function traced(fn: (...args: never[]) => unknown, ...args: readonly unknown[]): Program {
  const [leaves, structure] = flatten([fn, args]);
  return trace('test', structure, leaves);
}

test('keeps the static leaves of the result and the places of its tensors', () => {
  const program = traced((a: Tensor, k: number) => ({ twice: a.mul(2), k, list: [a, 'text'] }), x, 5);
  expect(program.outLeaves).toHaveLength(4);
  expect(program.hidden).toEqual([]);
  const result = run(program, [handle(tensor([3, 4]))]) as {
    twice: Tensor;
    k: number;
    list: [Tensor, string];
  };
  expect(result.twice.toArray()).toEqual([6, 8]);
  expect([result.k, result.list[1], result.list[0].toArray()]).toEqual([5, 'text', [3, 4]]);
});

test('rebuilds a result from handles', () => {
  const program = traced((a: Tensor) => [a, null, { b: a.neg() }], x);
  const outputs = native().runProgram(program.native, [handle(x)]);
  const [first, none, { b }] = resultOf(program, outputs) as [Tensor, null, { b: Tensor }];
  expect([first.toArray(), none, b.toArray()]).toEqual([[1, 2], null, [-1, -2]]);
});

test('runs on a worker thread with inputs that are held', async () => {
  const program = traced((a: Tensor) => a.mul(3), x);
  const input = tensor([1, 2]);
  const held = native().hold([handle(input)]);
  input.dispose();
  expect(((await runAsync(program, held)) as Tensor).toArray()).toEqual([3, 6]);
});

test('takes captured tensors of layers outside as hidden inputs, one for each', () => {
  const level = native().pushVmap(2);
  try {
    const outer = adopt(native().batch(handle(ops.ones([2, 3])), 0, level));
    const program = traced((a: Tensor) => outer.mul(a).add(outer).add(x.sum()), x.sum());
    expect(program.hidden).toEqual([outer._handle]);
  } finally {
    native().unwind(0);
  }
});

test('a trace inside a trace knows the outer one only by hidden inputs, and leaves it as it was', () => {
  expectNothingLeft(() => {
    const program = traced((a: Tensor) => {
      const inner = traced((b: Tensor) => b.add(a), a);
      expect(inner.hidden).toEqual([handle(a)]);
      expect(() => traced(() => a.item(), x)).toThrow(ConcretisationError);
      expect(native().tracing()).toBe(true);
      return a.mul(2);
    }, x);
    const result = run(program, [handle(x)]) as Tensor;
    expect(result.toArray()).toEqual([2, 4]);
    result.dispose();
  });
});

test('leaves nothing behind when the function throws or returns what cannot leave', () => {
  expectNothingLeft(() => {
    expect(() =>
      traced((a: Tensor) => {
        a.mul(2);
        native().pushGrad();
        throw new RangeError('from the function');
      }, x),
    ).toThrow(new RangeError('from the function'));
    expect(
      thrown(() =>
        traced((a: Tensor) => {
          const level = native().pushVmap(2);
          return adopt(native().batch(handle(a), 0, level));
        }, x),
      ).message,
    ).toBe(
      'jit: expected results that are complete, got a tensor that belongs to a transform inside, which has ended. Return it from that transform.',
    );
  });
});

test('holds the values of memory that it reads and never writes, which no run would have', () => {
  const graphOf = (fn: (a: Tensor) => unknown): string => native().programGraph(traced(fn, x).native);
  const read = traced((a: Tensor) => ops.emptyLike(a).reshape([1, 2]).select(0, 0), x);
  expect(native().programGraph(read.native)).not.toContain('aten::empty');
  const twice = [x, tensor([8, 9])].map((given) => run(read, [handle(given)]) as Tensor);
  expect(twice[0]!.view('int32').toArray()).toEqual(twice[1]!.view('int32').toArray());

  // What is written first, or asked for its shape alone, stays memory.
  expect(graphOf((a) => ops.vander(a))).toContain('aten::empty');
  expect(graphOf((a) => ops.zerosLike(ops.emptyLike(a)))).toContain('aten::empty_like');
});
