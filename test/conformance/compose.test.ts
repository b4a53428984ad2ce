import { scan } from '../../lib/control';
import { bind, Module } from '../../lib/module';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { key, normal, split } from '../../lib/random';
import type { Tensor } from '../../lib/tensor/tensor';
import { tidy } from '../../lib/tensor/tidy';
import {
  checkpoint,
  customVjp,
  filterGrad,
  filterJit,
  filterVmap,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  vjp,
  vmap,
} from '../../lib/transform';
import { distance, expectNothingLeft, liveTensors, numbers, waves } from '../support/numeric';

type Fn = (x: Tensor) => Tensor;
type Step = 'jit' | 'grad' | 'vmap' | 'jvp' | 'checkpoint' | 'customVjp';

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
  /** The same without control flow that is traced. */
  readonly makePlain?: () => Fn;
}

function recurrentCell(): [advance: (state: Tensor, input: Tensor) => Tensor, start: Tensor, last: Tensor] {
  const [start, u, w, last] = [constant([2], 70), constant([4, 2], 80), constant([4], 90), constant([2], 95)];
  const advance = (state: Tensor, input: Tensor): Tensor => {
    const [update, candidate] = u.matmul(state).add(input.mul(w)).split(2);
    const gate = update!.sigmoid();
    return state.mul(gate).add(candidate!.tanh().mul(gate.neg().add(1)));
  };
  return [advance, start, last];
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
  'a recurrent scan': {
    shape: [3],
    make: () => {
      const [advance, start, last] = recurrentCell();
      return (x) =>
        scan((state: Tensor, input: Tensor) => [advance(state, input), null], start, x)[0]
          .mul(last)
          .sum();
    },
    makePlain: () => {
      const [advance, start, last] = recurrentCell();
      return (x) =>
        x
          .unbind(0)
          .reduce((state, input) => advance(state, input), start)
          .mul(last)
          .sum();
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
        const normed = ops.layerNorm(mixed, [2], { eps: 0.5 });
        return normed.add(mixed).square().mul(weights).sum();
      };
    },
  },
};

/** The scalar that `grad` differentiates: the result itself, or its elements with fixed weights. */
const weighed = (y: Tensor): Tensor => (y.ndim === 0 ? y : y.mul(weightsFor(y.shape)).sum());
const weightsFor = (shape: readonly number[]): Tensor => constant(shape, 140);
/** What `jvp` differentiates along. */
const directionFor = (shape: readonly number[]): Tensor => constant(shape, 170);
for (const batch of [[], [2], [2, 2], [2, 2, 2]]) {
  for (const shape of [[], [3]]) {
    weightsFor([...batch, ...shape]);
    directionFor([...batch, ...shape]);
  }
}

const transforms: Readonly<Record<Step, (fn: Fn) => Fn>> = {
  jit: (fn) => jit(fn),
  grad: (fn) => grad((x: Tensor) => weighed(fn(x))),
  vmap: (fn) => vmap(fn),
  jvp: (fn) => (x) => jvp(fn, [x], [directionFor(x.shape)])[1],
  checkpoint: (fn) => checkpoint(fn),
  customVjp: (fn) =>
    customVjp(fn).defvjp(
      (x) => [fn(x), x],
      (x: Tensor, g: Tensor) => vjp(fn, x)[1](g),
    ),
};

/** The same without transforms: a loop for vmap, differences of fourth order for grad and jvp. */
const plain: Readonly<Record<Step, (fn: Fn) => Fn>> = {
  jit: (fn) => fn,
  checkpoint: (fn) => fn,
  customVjp: (fn) => fn,
  vmap: (fn) => (x) => ops.stack(x.unbind(0).map((one) => fn(one))),
  jvp: (fn) => (x) => {
    const size = 0.01;
    const [a, b, c, d] = [1, -1, 2, -2].map((steps) => fn(x.add(directionFor(x.shape).mul(steps * size))));
    return a!
      .sub(b!)
      .mul(8)
      .sub(c!.sub(d!))
      .div(12 * size);
  },
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

function wordsOver(steps: readonly Step[], longest: number): Step[][] {
  const shorter = longest > 1 ? wordsOver(steps, longest - 1) : [];
  const ends = longest > 1 ? shorter.filter((word) => word.length === longest - 1) : [[]];
  return [...shorter, ...steps.flatMap((first) => ends.map((rest) => [first, ...rest]))];
}

/** Whether forward mode comes upon a rule for reverse mode: a gradient between them has used that up. */
function isRefused(word: readonly Step[]): boolean {
  let isForward = false;
  for (const step of word) {
    if (step === 'jvp') isForward = true;
    if (step === 'grad') isForward = false;
    if (step === 'customVjp' && isForward) return true;
  }
  return false;
}

const basic: readonly Step[] = ['jit', 'grad', 'vmap'];
const all: readonly Step[] = [...basic, 'jvp', 'checkpoint', 'customVjp'];
const words = wordsOver(all, 3);

/** Applies the word's transforms, the last one first, as it reads: jit(grad(f)). */
function spell(word: readonly Step[], rules: Readonly<Record<Step, (fn: Fn) => Fn>>, fn: Fn): Fn {
  return word.reduceRight((inner, step) => rules[step](inner), fn);
}

function inputFor(word: readonly Step[], shape: readonly number[]): Tensor {
  const batch = word.filter((step) => step === 'vmap').map(() => 2);
  return waves([...batch, ...shape], 5);
}

// Words that differ only in what changes no value have one reference.
const references = new Map<string, readonly number[]>();

function reference(name: string, word: readonly Step[], fn: Fn, x: Tensor): readonly number[] {
  const key = [name, ...word.filter((step) => ['grad', 'vmap', 'jvp'].includes(step))].join();
  let values = references.get(key);
  if (values === undefined) references.set(key, (values = tidy(() => numbers(spell(word, plain, fn)(x)))));
  return values;
}

describe.each(Object.entries(functions))('%s', (name, { shape, make, makePlain = make }) => {
  const fn = make();
  const plainFn = makePlain();

  test.each(words.filter((word) => !isRefused(word)).map((word) => [word.join('('), word] as const))(
    '%s(f) equals loops and differences',
    (_word, word) => {
      const x = inputFor(word, shape);
      const transformed = spell(word, transforms, fn);
      const expected = reference(name, word, plainFn, x);
      // The second call of a compiled function runs its program.
      for (let call = 0; call < (word.includes('jit') ? 2 : 1); call++) {
        const result = transformed(x);
        expect(result.dtype).toBe('float64');
        expect(distance(numbers(result), expected)).toBeLessThan(1e-5);
      }
      expect([native().depth(), native().tracing()]).toEqual([0, false]);
    },
  );

  test('words in which forward mode meets a rule for reverse mode are refused', () => {
    const refused = words.filter(isRefused);
    expect(refused.length).toBeGreaterThan(0);
    for (const word of refused) {
      expect(() => spell(word, transforms, fn)(inputFor(word, shape))).toThrow(
        'customVjp: expected a derivative in reverse mode',
      );
      expect([native().depth(), native().tracing()]).toEqual([0, false]);
    }
  });

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

describe('other ways to compose', () => {
  const f: Fn = (x) => x.sin().mul(x).exp();

  test('vmap of vmap goes along the axes that it is told', () => {
    const m = waves([2, 3, 4]);
    const row = (a: Tensor): Tensor => a.mul(a.sum());
    const expected = ops.stack(
      m.unbind(2).map((plane) =>
        ops.stack(
          plane.unbind(0).map((one) => row(one)),
          1,
        ),
      ),
      0,
    );
    for (const variant of [
      vmap(vmap(row, { inAxes: 0, outAxes: 1 }), { inAxes: 2, outAxes: 0 }),
      jit(vmap(jit(vmap(row, { inAxes: 0, outAxes: -1 })), { inAxes: -1 })),
    ]) {
      expect(variant(m).shape).toEqual([4, 3, 2]);
      expect(distance(numbers(variant(m)), numbers(expected))).toBeLessThan(1e-13);
    }
  });

  test('Jacobians of Jacobians are the Hessian, in any modes', () => {
    const g: Fn = (x) =>
      f(x)
        .mul(x.flip([0]))
        .sum();
    const x = waves([3]);
    const expected = numbers(hessian(g)(x));
    const differences = numbers(jacfwd(plain.grad(g))(x));
    expect(distance(expected, differences)).toBeLessThan(1e-3);
    for (const outer of [jacfwd<[Tensor]>, jacrev<[Tensor]>]) {
      for (const inner of [jacfwd<[Tensor]>, jacrev<[Tensor]>]) {
        for (const variant of [outer(inner(g)), jit(outer(inner(g))), outer(jit(inner(jit(g))))]) {
          expect(distance(numbers(variant(x)), expected)).toBeLessThan(1e-12);
        }
      }
    }
  });

  test('a gradient goes through scan through jit', () => {
    const step = jit((c: Tensor, t: Tensor): [Tensor, Tensor] => [c.mul(t).sin(), c]);
    const x = waves([4]);
    const run = (a: Tensor): Tensor => scan(step, a.sum(), a)[0];
    const loop = (a: Tensor): Tensor => a.unbind(0).reduce((c, t) => c.mul(t).sin(), a.sum());
    const expected = numbers(grad(loop)(x));
    for (const variant of [grad(run), grad(jit(run)), jit(grad(run)), jit(grad(jit(run)))]) {
      expect(distance(numbers(variant(x)), expected)).toBeLessThan(1e-13);
    }
  });

  test('functions that use up keys are differentiated, mapped over keys and compiled', () => {
    const noisy = (x: Tensor, k: Tensor): Tensor => {
      const [one, two] = split(k);
      return x
        .mul(normal(one!, [3], { dtype: 'float64' }))
        .add(normal(two!, [], { dtype: 'float64' }))
        .square()
        .sum();
    };
    const x = waves([3]);
    const keys = split(key(3), 4);
    const expected = keys.unbind(0).map((k) => plain.grad((a) => noisy(a, k))(x));
    for (const variant of [
      vmap(grad(noisy), { inAxes: [null, 0] }),
      jit(vmap(grad(noisy), { inAxes: [null, 0] })),
      vmap(jit(grad(noisy)), { inAxes: [null, 0] }),
    ]) {
      expect(distance(numbers(variant(x, keys)), numbers(ops.stack(expected)))).toBeLessThan(1e-7);
    }
  });

  test('the function may be a method of a module', () => {
    class Net extends Module {
      readonly w: Tensor;
      constructor(w: Tensor) {
        super();
        this.w = w;
      }
      loss(x: Tensor): Tensor {
        return this.w.mul(x).sin().sum();
      }
    }
    const net = new Net(waves([3], 20));
    const x = waves([3]);
    const method = bind(net, 'loss');
    const expected = numbers(net.w.mul(net.w.mul(x).cos()));
    const call = (m: typeof method, a: Tensor): Tensor => m.forward(a);
    for (const variant of [grad(method), jit(grad(method)), grad(jit(method)), grad(checkpoint(method))]) {
      expect(distance(numbers(variant(x)), expected)).toBeLessThan(1e-13);
    }
    for (const variant of [filterGrad(call), filterJit(filterGrad(call))]) {
      const slope = (variant(method, x) as unknown as { readonly self: Net }).self;
      expect(distance(numbers(slope), numbers(x.mul(net.w.mul(x).cos())))).toBeLessThan(1e-13);
    }
    const each = filterVmap(method)(ops.stack([x, x.neg()]));
    expect(distance(numbers(each), [net.loss(x), net.loss(x.neg())].flatMap(numbers))).toBeLessThan(1e-13);
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

  const failingWords = [
    ...wordsOver(basic, 3).filter((word) => word.length === 3),
    ...wordsOver(all, 2).filter((word) => word.length === 2 && !isRefused(word)),
  ];

  test.each(failingWords.map((word) => [word.join('('), word] as const))(
    'of %s leaves layers, traces and memory as they were, and the function usable',
    (_word, word) => {
      const x = inputFor(word, [3]);
      const expected = numbers(spell(word, transforms, fn)(x));
      expectNothingLeft(() => {
        for (let depth = 0; depth <= word.length; depth++) {
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
      for (const word of wordsOver(basic, 3)) {
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
    for (const word of wordsOver(basic, 3)) {
      const x = inputFor(word, [3]);
      expect(
        distance(numbers(spell(word, transforms, careful)(x)), numbers(spell(word, transforms, fn)(x))),
      ).toBeLessThan(1e-13);
    }
    expect(native().depth()).toBe(0);
    expect(liveTensors()).toBeLessThanOrEqual(before + 8);
  });
});
