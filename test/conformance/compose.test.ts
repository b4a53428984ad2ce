import { Module } from '../../lib/module';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import type { Tensor } from '../../lib/tensor/tensor';
import { tidy } from '../../lib/tensor/tidy';
import { filterGrad, filterJit, filterVmap, grad, jit, vmap } from '../../lib/transform';
import { distance, expectNothingLeft, liveTensors, numbers, waves } from '../support/numeric';

type Fn = (x: Tensor) => Tensor;
type Step = 'jit' | 'grad' | 'vmap';

/** Constants that the functions capture, made once. */
const made = new Map<string, Tensor>();
function constant(shape: readonly number[], from: number): Tensor {
  const key = `${shape.join()};${from}`;
  let value = made.get(key);
  // Outside every transform, because a tensor that one of them made would end with it.
  if (value === undefined) made.set(key, (value = waves(shape, from)));
  return value;
}

interface Example {
  readonly shape: readonly number[];
  readonly make: () => Fn;
}

/** Functions of one small float64 tensor; what else they need is captured. */
const functions: Readonly<Record<string, Example>> = {
  'scalar maths': {
    shape: [],
    make: () => (x) =>
      x
        .sin()
        .mul(x.square().add(1).log())
        .add(x.div(x.exp().add(1)).pow(3)),
  },
  'the loss of an MLP': {
    shape: [3],
    make: () => {
      const [w1, b1, w2, b2] = [
        constant([4, 3], 1),
        constant([4], 20),
        constant([2, 4], 30),
        constant([2], 40),
      ];
      return (x) => {
        const hidden = w1.matmul(x).add(b1).tanh();
        return ops.softplus(w2.matmul(hidden).add(b2)).logSoftmax(0).select(0, 1).neg();
      };
    },
  },
  'a convolution': {
    shape: [3],
    make: () => {
      const [kernel, bias, weights] = [
        constant([3, 2, 2, 2], 1),
        constant([3], 50),
        constant([1, 3, 4, 4], 60),
      ];
      return (x) => {
        const image = ops.stack([ops.outer(x, x), x.unsqueeze(1).expand([3, 3])]);
        const out = ops.conv2d(image.unsqueeze(0), kernel, bias, { padding: 1 });
        return out.sigmoid().mul(weights).sum();
      };
    },
  },
  'a recurrent cell, unrolled': {
    shape: [3],
    make: () => {
      const [start, u, w, last] = [
        constant([2], 70),
        constant([4, 2], 80),
        constant([4], 90),
        constant([2], 95),
      ];
      return (x) => {
        let state = start;
        for (const input of x.unbind(0)) {
          const [update, candidate] = u.matmul(state).add(input.mul(w)).split(2);
          const gate = update!.sigmoid();
          state = state.mul(gate).add(candidate!.tanh().mul(gate.neg().add(1)));
        }
        return state.mul(last).sum();
      };
    },
  },
  'a block of attention': {
    shape: [3],
    make: () => {
      const projections = [100, 110, 120].map((from) => constant([1, 2], from));
      const [shift, weights] = [constant([3, 2], 130), constant([3, 2], 7)];
      return (x) => {
        const token = x.reshape([3, 1]);
        const [query, key, value] = projections.map((projection) => token.matmul(projection));
        const attention = query!.matmul(key!.t()).div(Math.SQRT2).softmax(1);
        const mixed = token.add(attention.matmul(value!)).mul(shift);
        // Not layerNorm, whose third derivative is wrong in libtorch 2.13 (torch.func.grad three times says the same).
        const centred = mixed.sub(mixed.mean(1, { keepdim: true }));
        const normed = centred.div(centred.square().mean(1, { keepdim: true }).add(0.5).sqrt());
        return normed.add(mixed).square().mul(weights).sum();
      };
    },
  },
};

/** The scalar that `grad` differentiates: the result itself, or its elements with fixed weights. */
const weighed = (y: Tensor): Tensor => (y.ndim === 0 ? y : y.mul(weightsFor(y.shape)).sum());
const weightsFor = (shape: readonly number[]): Tensor => constant(shape, 140);
for (const batch of [[], [2], [2, 2], [2, 2, 2]])
  for (const shape of [[], [3]]) weightsFor([...batch, ...shape]);

const transforms: Readonly<Record<Step, (fn: Fn) => Fn>> = {
  jit: (fn) => jit(fn),
  grad: (fn) => grad((x: Tensor) => weighed(fn(x))),
  vmap: (fn) => vmap(fn),
};

/** The same without transforms: a loop for vmap, differences of fourth order for grad. */
const plain: Readonly<Record<Step, (fn: Fn) => Fn>> = {
  jit: (fn) => fn,
  vmap: (fn) => (x) => ops.stack(x.unbind(0).map(fn)),
  grad: (fn) => (x) => {
    const size = 0.01;
    const moved = x.reshape([1, -1]).add(ops.eye(x.size, { dtype: 'float64' }).mul(size));
    const moves = [1, -1, 2, -2].map((steps) =>
      moved
        .sub(x.reshape([1, -1]))
        .mul(steps)
        .add(x.reshape([1, -1])),
    );
    const slopes = Array.from({ length: x.size }, (_, i) => {
      const [a, b, c, d] = moves.map((move) => weighed(fn(move.select(0, i).reshape(x.shape))));
      return a!
        .sub(b!)
        .mul(8)
        .sub(c!.sub(d!))
        .div(12 * size);
    });
    return ops.stack(slopes).reshape(x.shape);
  },
};

const steps: readonly Step[] = ['jit', 'grad', 'vmap'];
const words = [
  ...steps.map((a) => [a]),
  ...steps.flatMap((a) => steps.map((b) => [a, b])),
  ...steps.flatMap((a) => steps.flatMap((b) => steps.map((c) => [a, b, c]))),
];

/** Applies the word's transforms, the last one first, as it reads: jit(grad(f)). */
function spell(word: readonly Step[], rules: Readonly<Record<Step, (fn: Fn) => Fn>>, fn: Fn): Fn {
  return word.reduceRight((inner, step) => rules[step](inner), fn);
}

function inputFor(word: readonly Step[], shape: readonly number[]): Tensor {
  const batch = word.filter((step) => step === 'vmap').map(() => 2);
  return waves([...batch, ...shape], 5);
}

// Words that differ in jits alone have one reference.
const references = new Map<string, readonly number[]>();

function reference(name: string, word: readonly Step[], fn: Fn, x: Tensor): readonly number[] {
  const key = [name, ...word.filter((step) => step !== 'jit')].join();
  let values = references.get(key);
  if (values === undefined) references.set(key, (values = tidy(() => numbers(spell(word, plain, fn)(x)))));
  return values;
}

describe.each(Object.entries(functions))('%s', (name, { shape, make }) => {
  const fn = make();

  test.each(words.map((word) => [word.join('('), word] as const))(
    '%s(f) equals loops and differences',
    (_word, word) => {
      const x = inputFor(word, shape);
      const transformed = spell(word, transforms, fn);
      const expected = reference(name, word, fn, x);
      // The second call of a compiled function runs its program.
      for (let call = 0; call < 2; call++) {
        const result = transformed(x);
        expect(result.dtype).toBe('float64');
        expect(distance(numbers(result), expected)).toBeLessThan(1e-5);
      }
      expect([native().depth(), native().tracing()]).toEqual([0, false]);
    },
  );

  test('compiled, differentiated and mapped words agree with each other to rounding', () => {
    const x = inputFor(['vmap'], shape);
    const eager = numbers(vmap(grad(fn))(x));
    for (const variant of [
      jit(vmap(grad(fn))),
      vmap(jit(grad(fn))),
      vmap(grad(jit(fn))),
      jit(vmap(jit(grad(jit(fn))))),
      (batch: Tensor): Tensor => ops.stack(batch.unbind(0).map(grad(fn))),
      // The gradient of a sum over the batch holds the gradients of its members.
      grad((batch: Tensor) => vmap(fn)(batch).sum()),
    ]) {
      expect(distance(numbers(variant(x)), eager)).toBeLessThan(1e-13);
    }
  });
});

describe('per-sample gradients of a model', () => {
  class Net extends Module {
    readonly layers: readonly [Tensor, Fn, Tensor];
    constructor() {
      super();
      this.layers = [waves([4, 3]), ops.tanh, waves([2, 4], 30)];
    }
    forward(x: Tensor): Tensor {
      const [first, act, last] = this.layers;
      return last.matmul(act(first.matmul(x)));
    }
  }
  const loss = (net: Net, x: Tensor, y: Tensor): Tensor => net.forward(x).sub(y).square().mean();
  const net = new Net();
  const [xs, ys] = [waves([5, 3]), waves([5, 2], 60)];
  const each = xs.unbind(0).map((x, i) => filterGrad(loss)(net, x, ys.select(0, i)));
  const expected = [0, 2].flatMap((k) => numbers(ops.stack(each.map((one) => one.layers[k as 0 | 2]))));

  test.each([
    ['vmap(grad)', filterVmap(filterGrad(loss), { inAxes: [null, 0, 0] })],
    ['jit(vmap(grad))', filterJit(filterVmap(filterGrad(loss), { inAxes: [null, 0, 0] }))],
    ['vmap(jit(grad))', filterVmap(filterJit(filterGrad(loss)), { inAxes: [null, 0, 0] })],
  ])('%s gives those of a loop', (_name, transformed) => {
    for (let call = 0; call < 2; call++) {
      const slopes = transformed(net, xs, ys);
      expect(slopes.layers[0].shape).toEqual([5, 4, 3]);
      expect(slopes.layers[1]).toBeNull();
      expect(distance(numbers(slopes), expected)).toBeLessThan(1e-13);
    }
  });
});

describe('an exception at any level', () => {
  class Refused extends Error {}
  const fn: Fn = (x) => x.sin().square().sum();

  /** The word with a throw before or after the transformed function at a depth, which can be switched off. */
  function failing(word: readonly Step[], depth: number, when: 'before' | 'after', isOn: () => boolean): Fn {
    const guard =
      (inner: Fn): Fn =>
      (x) => {
        if (when === 'before' && isOn()) throw new Refused();
        const y = inner(x);
        if (isOn()) throw new Refused();
        return y;
      };
    let transformed = depth === word.length ? guard(fn) : fn;
    for (let i = word.length - 1; i >= 0; i--) {
      transformed = transforms[word[i]!](transformed);
      if (depth === i) transformed = guard(transformed);
    }
    return transformed;
  }

  test.each(words.filter((word) => word.length === 3).map((word) => [word.join('('), word] as const))(
    'of %s leaves layers, traces and memory as they were, and the function usable',
    (_word, word) => {
      const x = inputFor(word, [3]);
      const expected = numbers(spell(word, transforms, fn)(x));
      expectNothingLeft(() => {
        for (let depth = 0; depth <= 3; depth++) {
          for (const when of ['before', 'after'] as const) {
            let isOn = true;
            const transformed = failing(word, depth, when, () => isOn);
            expect(() => transformed(x)).toThrow(Refused);
            expect([native().depth(), native().tracing()]).toEqual([0, false]);
            isOn = false;
            expect(distance(numbers(transformed(x)), expected)).toBeLessThan(1e-13);
          }
        }
      });
    },
  );

  test('of an operator at the innermost place too', () => {
    const mismatch: Fn = (x) => x.matmul(ops.zeros([9, 9], { dtype: 'float64' })).sum();
    expectNothingLeft(() => {
      for (const word of words) {
        const x = inputFor(word, [3]);
        expect(() => spell(word, transforms, mismatch)(x)).toThrow(/^matmul: /);
        expect([native().depth(), native().tracing()]).toEqual([0, false]);
      }
    }, 1);
  });

  test('that is caught inside a transform leaves that transform whole', () => {
    const before = liveTensors();
    const careful: Fn = (x) => {
      try {
        vmap(
          grad((y: Tensor) => {
            jit((z: Tensor) => {
              z.mul(y);
              throw new Refused();
            })(y);
            return y;
          }),
        )(x);
      } catch (error) {
        expect(error).toBeInstanceOf(Refused);
      }
      return fn(x);
    };
    for (const word of words) {
      const x = inputFor(word, [3]);
      expect(
        distance(numbers(spell(word, transforms, careful)(x)), numbers(spell(word, transforms, fn)(x))),
      ).toBeLessThan(1e-13);
    }
    expect(native().depth()).toBe(0);
    expect(liveTensors()).toBeLessThanOrEqual(before + 8);
  });
});
