import { DisposedError, ShapeError } from '../../lib/base/errors';
import { field, Module } from '../../lib/module';
import * as ops from '../../lib/ops';
import * as random from '../../lib/random';
import { fromBuffer, tensor } from '../../lib/tensor/create';
import { memory } from '../../lib/tensor/memory';
import type { Tensor } from '../../lib/tensor/tensor';
import { filterGrad, filterJit, filterValueAndGrad, jit } from '../../lib/transform';
import { expectClose } from '../support/close';
import { counted } from '../support/counted';
import { numbers, thrown } from '../support/numeric';

const x = tensor([1, 2, 3]);
const y = tensor([4, 5, 6]);

class Net extends Module {
  static readonly fields = { power: field({ static: true }) };
  readonly w: Tensor;
  readonly layers: readonly [(x: Tensor) => Tensor, number];
  readonly power: number;
  constructor(w: Tensor, act: (x: Tensor) => Tensor = ops.tanh, power = 2) {
    super();
    this.w = w;
    this.layers = [act, 3];
    this.power = power;
  }
  forward(input: Tensor): Tensor {
    return this.layers[0](this.w.mul(input)).mul(this.layers[1]).pow(this.power).sum();
  }
}

describe('filterJit', () => {
  test('takes modules as functions and as arguments', () => {
    const fn = counted((net: Net, input: Tensor) => net.forward(input));
    const jitted = filterJit(fn);
    const net = new Net(x);
    const expected = net.forward(y).item();
    expect(jitted(net, y).item()).toBe(expected);
    expect(jitted(new Net(y), y).item()).toBe(new Net(y).forward(y).item());
    expect(fn.count).toBe(1);
    jitted(new Net(x, ops.sigmoid), y);
    jitted(new Net(x, ops.tanh, 3), y);
    expect(fn.count).toBe(3);
    jitted(new Net(y, ops.sigmoid), x);
    expect(fn.count).toBe(3);
    // As the function itself, its tensors are inputs too.
    expect(filterJit(net)(y).item()).toBe(expected);
    expect(jit({ forward: (a: Tensor) => a.mul(2) })(x).toArray()).toEqual([2, 4, 6]);
  });

  test('traces once per structure, static leaves and signature', () => {
    // equinox/test_jit: zeros(2) twice, zeros(3) twice, [zeros 2], [z2, z3], [z2, True]
    const fn = counted((value: unknown) => value);
    const jitted = filterJit(fn);
    const z2 = ops.zeros([2]);
    const z3 = ops.zeros([3]);
    const counts = [z2, z2, z3, z3, [z2], [z2, z3], [z2, true], [z2, true], [z2, false]].map((value) => {
      jitted(value);
      return fn.count;
    });
    expect(counts).toEqual([1, 1, 2, 2, 3, 4, 5, 5, 6]);
  });

  test('gives non-arrays back as the same objects', () => {
    // equinox/test_jit: the general tree through "+1 on arrays".
    const opaque = Symbol('object');
    const general = [1, true, opaque, { a: x, tuple: [2, y] }, y, new Net(x)] as const;
    const jitted = filterJit((tree: typeof general) => [
      ...tree.slice(0, 3),
      tree[3].a.add(1),
      tree[3].tuple[0],
      tree[5],
    ]);
    const result = jitted(general);
    expect(result.slice(0, 3)).toEqual([1, true, opaque]);
    expect(numbers(result[3])).toEqual([2, 3, 4]);
    expect(result[4]).toBe(2);
    const net = result[5] as Net;
    expect(net).toBeInstanceOf(Net);
    expect(net.w.toArray()).toEqual([1, 2, 3]);
    expect(net.layers[0]).toBe(ops.tanh);
  });

  test.each(['none', 'all', 'all-except-first'] as const)('releases what donate: %s says', (donate) => {
    const [a, b, c] = [tensor([1]), tensor([2]), tensor([3])];
    const jitted = filterJit(
      (first: Tensor, rest: readonly Tensor[]) => [first, rest[0]!.add(rest[1]!)] as const,
      {
        donate,
      },
    );
    const before = memory().tensors;
    const [same, sum] = jitted(a, [b, c]);
    expect([a, b, c].map((one) => one.isDisposed)).toEqual(
      { none: [false, false, false], all: [true, true, true], 'all-except-first': [false, true, true] }[
        donate
      ],
    );
    expect(memory().tensors).toBe(before + 2 - { none: 0, all: 3, 'all-except-first': 2 }[donate]);
    expect([same.item(), sum.item()]).toEqual([1, 5]);
  });

  test('releases nothing of a call that failed, and refuses an unknown way to donate', () => {
    const a = tensor([1, 2]);
    const jitted = filterJit((value: Tensor) => value.matmul(ops.zeros([3])), { donate: 'all' });
    expect(() => jitted(a)).toThrow(ShapeError);
    expect(a.isDisposed).toBe(false);
    expect(thrown(() => filterJit(ops.neg, { donate: 'some' as 'all' })).message).toBe(
      'filterJit: expected `donate` to be one of none, all, all-except-first, warn, warn-except-first, got "some".',
    );
  });

  test('writes into the memory of what was donated, but never of what anyone else holds', () => {
    const chain = (w: Tensor, g: Tensor) => w.mul(0.5).add(g).mul(2).sub(g);
    const step = filterJit(chain, { donate: 'all-except-first' });
    const size = [64, 64];
    const w = random.normal(random.key(0), size);
    const make = () => random.normal(random.key(1), size);
    const expected = numbers(chain(w, make()));
    const kept = numbers(make());

    const viewed = make();
    const view = viewed.narrow(0, 0, 64);
    expect(numbers(step(w, viewed))).toEqual(expected);
    expect(numbers(view)).toEqual(kept);

    const buffer = Float32Array.from(kept);
    expect(numbers(step(w, fromBuffer(buffer, size, 'float32')))).toEqual(expected);
    expect([...buffer]).toEqual(kept);

    const both = make();
    expect(numbers(step(both, both))).toEqual(numbers(chain(make(), make())));

    const donated = make();
    expect(numbers(step(w, donated))).toEqual(expected);
    expect(donated.isDisposed).toBe(true);
  });

  test('says of a donated tensor that it is gone', () => {
    const a = tensor([1, 2]);
    filterJit((value: Tensor) => value.mul(2), { donate: 'all' })(a);
    expect(() => a.add(1)).toThrow(DisposedError);
  });

  test('compiles value, gradient and update into one program', () => {
    const step = filterJit((net: Net, input: Tensor) => {
      const [value, slopes] = filterValueAndGrad((n: Net, i: Tensor) => n.forward(i))(net, input);
      return [value, net.w.sub(slopes.w.mul(0.1))] as const;
    });
    const net = new Net(x.mul(0.1));
    const [value, w] = step(net, y);
    expect(value.item()).toBeCloseTo(Number(net.forward(y)), 5);
    const slopes = filterGrad((n: Net, i: Tensor) => n.forward(i))(net, y);
    // libtorch's vector loops may contract what a fused chain rounds twice.
    expectClose(w, net.w.sub(slopes.w.mul(0.1)).toArray());
    const { graph } = step.lower(net, y);
    expect(graph.match(/^graph\(/gm)).toHaveLength(1);
    // Forward, backward and update.
    for (const symbol of ['aten::tanh(', 'aten::tanh_backward(', 'aten::sub('])
      expect(graph).toContain(symbol);
  });

  test('warns once of donated tensors whose memory no result can take', () => {
    const warnings: unknown[][] = [];
    const emit = jest
      .spyOn(process, 'emitWarning')
      .mockImplementation((...args: unknown[]) => warnings.push(args));
    try {
      const fits = filterJit((a: Tensor, b: Tensor) => [a.mul(2), b.neg()], { donate: 'warn' });
      fits(tensor([1, 2]), tensor([1, 2]));
      expect(warnings).toEqual([]);
      const jitted = filterJit((a: Tensor, b: Tensor, c: Tensor) => a.add(b.sum()).add(c.sum()), {
        donate: 'warn-except-first',
      });
      const first = tensor([1, 2, 3, 4, 5]);
      for (let i = 0; i < 3; i++) {
        const rest = [ops.ones([5]), ops.ones([7])] as const;
        expect(jitted(first, ...rest).shape).toEqual([5]);
        expect([first, ...rest].map((one) => one.isDisposed)).toEqual([false, true, true]);
      }
      expect(warnings.map(([text]) => text)).toEqual([
        'filterJit: some donated tensors were not usable: float32[7]. No result has their shape and dtype; they were released all the same.',
      ]);
    } finally {
      emit.mockRestore();
    }
  });

  test('refuses a Promise anywhere in the result, which every later call would return again', async () => {
    const late = Promise.reject(new Error('never seen'));
    const jitted = filterJit((a: Tensor) => ({ a, parts: [late] }));
    const message = 'filterJit: expected a function that returns its result, got one that returns a Promise.';
    expect(() => jitted(x)).toThrow(message);
    await expect(jitted.async(x)).rejects.toThrow(message);
  });
});
