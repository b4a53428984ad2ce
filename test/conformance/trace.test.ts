import * as fc from 'fast-check';
import '../../lib/autograd';
import { filter, isArray } from '../../lib/filter';
import { applyUpdates, Module } from '../../lib/module';
import * as ops from '../../lib/ops';
import { callNamed } from '../../lib/ops/call';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { tidy } from '../../lib/tensor/tidy';
import {
  errorIf,
  filterJit,
  filterValueAndGrad,
  filterVmap,
  grad,
  jit,
  pureCallback,
  vmap,
} from '../../lib/transform';
import { map } from '../../lib/tree';
import { distance, numbers, waves } from '../support/numeric';

type Numbers = readonly [number, number, number];
type Action = (values: readonly Tensor[], n: Numbers) => Tensor;

const pick = (values: readonly Tensor[], n: number): Tensor => values[n % values.length]!;
const axis = (x: Tensor, n: number): number => (x.ndim === 0 ? 0 : n % x.ndim);
const withAxis = (x: Tensor): Tensor => (x.ndim === 0 ? x.reshape([1]) : x);
const divisor = (size: number, n: number): number => {
  const divisors = Array.from({ length: size }, (_, i) => i + 1).filter((d) => size % d === 0);
  return divisors[n % Math.max(1, divisors.length)] ?? 1;
};
/** One tensor of a size as the elements of another, repeated or cut. */
const fitted = (x: Tensor, shape: readonly number[]): Tensor => {
  const size = shape.reduce((product, length) => product * length, 1);
  const flat = x.reshape([-1]);
  const repeats = Math.ceil(size / Math.max(1, flat.size));
  const source =
    flat.size === 0 ? ops.zeros([size], { dtype: 'float64' }) : flat.repeat([Math.max(1, repeats)]);
  return source.slice(0, 0, size).reshape(shape);
};
/** A copy that a kernel may write to: not an argument, not a captured tensor. */
const own = (x: Tensor): Tensor => x.contiguous().mul(1);

/** What generated programs are made of; each makes one tensor more. */
const actions: Readonly<Record<string, Action>> = {
  reshape: (v, [a, b]) => {
    const x = pick(v, a);
    return x.reshape([divisor(x.size, b), -1].map((d, i) => (i === 1 ? x.size / divisor(x.size, b) : d)));
  },
  transpose: (v, [a, b, c]) => {
    const x = withAxis(pick(v, a));
    return x.transpose(axis(x, b), axis(x, c));
  },
  split: (v, [a, b, c]) => {
    const x = withAxis(pick(v, a));
    const parts = x.split(1 + (c % 3), axis(x, b));
    return parts[c % Math.max(1, parts.length)]!;
  },
  unbind: (v, [a, b, c]) => {
    const x = withAxis(pick(v, a));
    const parts = x.unbind(axis(x, b));
    return parts.length === 0 ? x : parts[c % parts.length]!;
  },
  cat: (v, [a, b, c]) => {
    const x = withAxis(pick(v, a));
    return ops.cat([x, fitted(pick(v, b), x.shape), x], axis(x, c));
  },
  stack: (v, [a, b]) => ops.stack([pick(v, a), fitted(pick(v, b), pick(v, a).shape), pick(v, a)]),
  slice: (v, [a, b, c]) => {
    const x = withAxis(pick(v, a));
    const at = axis(x, b);
    return x.slice(at, c % 2, null, 1 + (c % 3));
  },
  expand: (v, [a, b]) =>
    pick(v, a)
      .unsqueeze(0)
      .expand([1 + (b % 3), ...pick(v, a).shape]),
  diagonal: (v, [a]) => {
    const x = withAxis(pick(v, a));
    return x.ndim < 2 ? x.unsqueeze(0).diagonal() : x.diagonal();
  },
  flip: (v, [a, b]) => {
    const x = withAxis(pick(v, a));
    return x.flip([axis(x, b)]);
  },
  'write a part': (v, [a, b, c]) => {
    const x = withAxis(pick(v, a));
    const part = x.at('::2').get();
    return x.at('::2').set(fitted(pick(v, b), part.shape).mul(c + 1));
  },
  'add to positions': (v, [a, b, c]) => {
    const x = withAxis(pick(v, a));
    if ((x.shape[0] ?? 0) === 0) return x;
    const rows = tensor([0, (x.shape[0] ?? 1) - 1, 0], { dtype: 'int64' });
    return x.at(rows).add(fitted(pick(v, b), [3, ...x.shape.slice(1)]).mul(c));
  },
  'write through a view': (v, [a, b, c]) => {
    const x = own(withAxis(pick(v, a)));
    const view = x.transpose(0, axis(x, b)).reshape([-1]);
    callNamed('aten::add_.Tensor', view, c + 1);
    return x;
  },
  'write, then read a view that was taken before': (v, [a, b]) => {
    const x = own(withAxis(pick(v, a)));
    const before = x.slice(0, 0, 2);
    const alias = x.view(x.shape);
    callNamed('aten::mul_.Tensor', x, b + 2);
    callNamed('aten::add_.Tensor', alias, before.sum());
    return before.add(alias.sum());
  },
  'write to both of two views': (v, [a, b]) => {
    const x = own(fitted(pick(v, a), [4]));
    const [even, all] = [x.slice(0, 0, null, 2), x.reshape([2, 2])];
    callNamed('aten::add_.Tensor', even, fitted(pick(v, b), [2]));
    callNamed('aten::mul_.Tensor', all, 3);
    const read = even.mul(1);
    callNamed('aten::copy_', even, all.select(0, 1));
    return ops.cat([read, x]);
  },
  'write to views of views, and read what overlaps': (v, [a, b, c]) => {
    const x = own(fitted(pick(v, a), [3, 4]));
    const corner = x.slice(0, 1).slice(1, b % 2, 3);
    const column = x.select(1, 1);
    const windows = x.reshape([-1]).unfold(0, 4, 2);
    callNamed('aten::sub_.Tensor', column, c + 1);
    const before = windows.sum(1);
    callNamed('aten::copy_', corner, fitted(pick(v, c), corner.shape));
    callNamed('aten::fill_.Scalar', x.diagonal(), 2);
    return ops.cat([before, windows.sum(1), column, corner.reshape([-1])]);
  },
  'scatter through a view': (v, [a, b]) => {
    const x = own(fitted(pick(v, a), [4, 2]));
    const turned = x.t();
    const rows = tensor([[0, 3, 0, 1]], { dtype: 'int64' });
    callNamed('aten::scatter_add_', turned, 1, rows, fitted(pick(v, b), [1, 4]));
    const put = [tensor([1, 0, 1], { dtype: 'int64' }), tensor([0, 2, 0], { dtype: 'int64' })];
    callNamed('aten::index_put_', turned, put, fitted(pick(v, a), [3]), true);
    return ops.cat([x.reshape([-1]), turned.sum(0)]);
  },
  'running statistics of a view': (v, [a, b, c]) => {
    const statistics = ops.stack([ops.zeros([3], { dtype: 'float64' }), ops.ones([3], { dtype: 'float64' })]);
    const [mean, variance] = statistics.unbind(0) as [Tensor, Tensor];
    const x = fitted(pick(v, a), [4, 3]).add(fitted(pick(v, b), [4, 3]).mul(c));
    const [out] = callNamed(
      'aten::native_batch_norm',
      x,
      null,
      null,
      mean,
      variance,
      true,
      0.1,
      1e-5,
    ) as readonly Tensor[];
    return ops.cat([out!, statistics, mean.unsqueeze(0)]);
  },
  'checked and passed on, then written beside': (v, [a, b]) => {
    const x = own(withAxis(pick(v, a)));
    const checked = errorIf(x.mul(2), x.isnan().logicalAnd(x.eq(x)), 'never');
    callNamed('aten::add_.Tensor', x, b);
    return checked.add(x);
  },
  'seen by JavaScript': (v, [a, b]) => {
    const x = withAxis(pick(v, a));
    return pureCallback((y: Tensor) => y.mul(b), [x.detach()], { resultShapeDtypes: x }).add(x);
  },
  add: (v, [a, b]) => pick(v, a).add(fitted(pick(v, b), pick(v, a).shape)),
  multiply: (v, [a, b]) => pick(v, a).mul(fitted(pick(v, b), pick(v, a).shape).tanh()),
  'the same again': (v, [a]) => pick(v, a).sin().add(pick(v, a).sin()),
  sum: (v, [a]) => pick(v, a).sum(),
  norm: (v, [a]) => pick(v, a).square().mean(),
  positive: (v, [a, b]) => ops.where(pick(v, a).gt(0), pick(v, a), fitted(pick(v, b), pick(v, a).shape)),
  gather: (v, [a]) => {
    const x = fitted(pick(v, a), [3]);
    return x.index(x.argsort(0));
  },
  constant: (_v, [a]) => ops.arange(a + 1, { dtype: 'float64' }),
};

const names = Object.keys(actions);
const anyProgram = fc.array(fc.tuple(fc.constantFrom(...names), fc.tuple(fc.nat(6), fc.nat(6), fc.nat(6))), {
  minLength: 1,
  maxLength: 14,
});

/** Kernels that write in place are no operators of a user: autograd and vmap have no rules for all of them. */
const isPure = ([name]: Written[number]): boolean => !/view|beside/.test(name);

type Written = readonly (readonly [string, Numbers])[];

/** Runs a program: every value that it makes stays small, and all of them are results. */
function interpret(program: Written, x: Tensor, y: Tensor): readonly Tensor[] {
  const values = [x, y];
  for (const [name, n] of program) {
    const value = actions[name]!(values, n);
    if (value.size <= 64 && value.ndim <= 4) values.push(value);
  }
  return values;
}

/** Tensors of shape [2, 3] and [4] in several memory orders. */
const layouts: readonly (() => readonly [Tensor, Tensor])[] = [
  () => [waves([2, 3]), waves([4], 7)],
  () => [waves([3, 2]).t(), waves([8], 7).slice(0, 0, null, 2)],
  () => [waves([1, 3]).expand([2, 3]), waves([1], 7).expand([4])],
];

describe('compiled programs of views, writes and reads', () => {
  test('equal the same programs uncompiled, whatever they were traced with', () => {
    fc.assert(
      fc.property(anyProgram, fc.nat(2), fc.nat(2), (program, first, second) => {
        tidy(() => {
          const fn = (x: Tensor, y: Tensor): readonly Tensor[] => interpret(program, x, y);
          const jitted = jit(fn);
          jitted(...layouts[first]!());
          const expected = fn(...layouts[second]!());
          const result = jitted(...layouts[second]!());
          expect(result.map((one) => one.shape)).toEqual(expected.map((one) => one.shape));
          // Sums over another memory order round differently; with the same one the bits are equal.
          if (second === 0) expect(numbers(result)).toEqual(numbers(expected));
          else expect(distance(numbers(result), numbers(expected))).toBeLessThan(1e-10);
        });
      }),
      { numRuns: 300 },
    );
  });

  const lossOf =
    (program: Written) =>
    (x: Tensor, y: Tensor): Tensor =>
      interpret(program, x, y).reduce(
        (sum, value) => sum.add(value.tanh().sum()),
        ops.zeros([], { dtype: 'float64' }),
      );

  test('have the gradients of the uncompiled ones, compiled before or after differentiation', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        tidy(() => {
          const loss = lossOf(program.filter(isPure));
          const [x, y] = layouts[0]!();
          const expected = numbers(grad(loss, { argnums: [0, 1] })(x, y));
          expect(numbers(jit(grad(loss, { argnums: [0, 1] }) as typeof loss)(x, y))).toEqual(expected);
          expect(distance(numbers(grad(jit(loss), { argnums: [0, 1] })(x, y)), expected)).toBeLessThan(1e-10);
        });
      }),
      { numRuns: 150 },
    );
  });

  test('are mapped as a loop would, compiled before or after mapping', () => {
    fc.assert(
      fc.property(anyProgram, fc.nat(2), (program, where) => {
        const pure = program.filter(isPure);
        tidy(() => {
          const fn = (x: Tensor, y: Tensor): Tensor =>
            ops.cat(interpret(pure, x, y).map((value) => value.reshape([-1])));
          const [xs, ys] = [waves([3, 2, 3]), waves([3, 4], 11)];
          const inAxes = [where, where % 2];
          const expected = numbers(ops.stack(xs.unbind(0).map((x, i) => fn(x, ys.select(0, i)))));
          const [moved, also] = [xs.movedim(0, where), ys.movedim(0, where % 2)];
          for (const mapped of [vmap(fn, { inAxes }), jit(vmap(fn, { inAxes })), vmap(jit(fn), { inAxes })]) {
            expect(distance(numbers(mapped(moved, also)), expected)).toBeLessThan(1e-10);
          }
        });
      }),
      { numRuns: 150 },
    );
  });
});

describe('a training step that is traced once', () => {
  class Net extends Module {
    readonly kernel: Tensor;
    readonly act: (x: Tensor) => Tensor;
    readonly weight: Tensor;
    readonly bias: Tensor;
    constructor() {
      super();
      this.kernel = waves([4, 1, 3, 3]).to('float32');
      this.act = ops.relu;
      this.weight = waves([5, 64], 3).div(8).to('float32');
      this.bias = ops.zeros([5]);
    }
    forward(image: Tensor): Tensor {
      const maps = this.act(ops.conv2d(image.unsqueeze(0), this.kernel, { padding: 1 }));
      const pooled = ops.maxPool2d(maps, 2).reshape([-1]);
      return this.weight.matmul(pooled).add(this.bias).logSoftmax(0);
    }
  }
  const loss = (net: Net, images: Tensor, labels: Tensor): Tensor =>
    filterVmap(net)(images).gather(1, labels.unsqueeze(1)).mean().neg();
  const faster = (old: Tensor, slope: Tensor): Tensor => old.mul(0.9).add(slope);
  const isNull = (node: unknown): boolean => node === null;

  let traces = 0;
  const step = (net: Net, speeds: Net, images: Tensor, labels: Tensor): [Net, Net, Tensor] => {
    traces++;
    const [value, slopes] = filterValueAndGrad(loss)(net, images, labels);
    const next = map(faster, speeds, slopes);
    const updates = map((speed: Tensor | null) => speed?.mul(-0.05) ?? null, next, { isLeaf: isNull });
    return [applyUpdates(net, updates), next, value];
  };

  test('follows the uncompiled step for 50 steps', () => {
    const batches = Array.from(
      { length: 50 },
      (_, i) =>
        [
          waves([6, 1, 8, 8], 17 * i + 1).to('float32'),
          tensor([0, 1, 2, 3, 4, i % 5], { dtype: 'int64' }),
        ] as const,
    );
    const run = (stepping: typeof step): number[][] => {
      let net = new Net();
      let speeds = map((leaf: Tensor) => ops.zerosLike(leaf), filter(net, isArray));
      const history: number[][] = [];
      for (const [images, labels] of batches) {
        const [nextNet, nextSpeeds, value] = stepping(net, speeds, images, labels);
        history.push([Number(value), ...numbers(nextNet), ...numbers(nextSpeeds)]);
        [net, speeds] = [nextNet, nextSpeeds];
      }
      return history;
    };
    const eager = run(step);
    traces = 0;
    const compiled = run(filterJit(step));
    expect(traces).toBe(1);
    // Products of matrices may be taken the other way round, which rounds otherwise.
    compiled.forEach((values, i) => {
      expect(distance(values, eager[i]!)).toBeLessThan(1e-5);
    });
    expect(eager.at(-1)![0]).toBeLessThan(eager[0]![0]!);
  });
});
