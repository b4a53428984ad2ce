import '../../lib/autograd';
import { grad as autogradGrad } from '../../lib/autograd';
import {
  ConcretisationError,
  DisposedError,
  OperatorError,
  TransformError,
  type EquinodeError,
} from '../../lib/base/errors';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { callNamed } from '../../lib/ops/call';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { Module } from '../../lib/module';
import {
  errorIf,
  filterGrad,
  filterJit,
  filterVmap,
  grad,
  jit,
  pureCallback,
  valueAndGrad,
  vmap,
} from '../../lib/transform';
import { expectNothingLeft, thrown } from '../support/numeric';

const x = tensor([1, 2, 3]);
const batch = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
type Body = (a: Tensor) => unknown;

/** Runs a body on a tensor of shape [3] inside a transform. */
const inside: Readonly<Record<string, (body: Body) => unknown>> = {
  jit: (body) => jit(body)(x),
  vmap: (body) => vmap(body)(batch),
  'vmap of jit': (body) => vmap(jit(body))(batch),
  'jit of vmap': (body) => jit(vmap(body))(batch),
};

const remedy =
  'Use tensor operators such as `where` instead of reading values, or return the tensor and read it outside';
const traced = 'that is being traced by jit, whose values are unknown until the compiled program runs';

describe('reading the values of a tensor', () => {
  const reads: readonly (readonly [string, string, string, Body])[] = [
    ['item()', 'item', 'float32[]', (a) => a.sum().item()],
    ['toArray()', 'toArray', 'float32[3]', (a) => a.toArray()],
    ['toTypedArray()', 'toTypedArray', 'float32[3]', (a) => a.toTypedArray()],
    ['Number()', 'Tensor', 'float32[]', (a) => Number(a.select(0, 0))],
    ['a comparison with a number', 'Tensor', 'float32[]', (a) => (a.sum() as unknown as number) > 0],
    ['String()', 'Tensor', 'float32[]', (a) => String(a.sum())],
  ];

  test.each(reads)('by %s inside jit is refused', (_name, op, given, body) => {
    expectNothingLeft(() => {
      const error = thrown(() => inside['jit']?.(body));
      expect(error).toBeInstanceOf(ConcretisationError);
      expect(error.message).toBe(`${op}: expected a concrete tensor, got ${given} ${traced}. ${remedy}`);
      expect((error as EquinodeError).op).toBe(op);
    });
  });

  test.each(reads)('by %s inside vmap is refused', (_name, op, given, body) => {
    for (const [name, transform] of Object.entries(inside)) {
      if (name === 'jit' || name === 'vmap of jit') continue;
      const error = thrown(() => transform(body));
      expect(error).toBeInstanceOf(ConcretisationError);
      expect(error.message).toBe(
        `${op}: expected a concrete tensor, got ${given} inside vmap, whose values exist only for the transform. ${remedy}`,
      );
    }
  });

  test('by data() is refused as a rejection', async () => {
    const reading: Promise<unknown>[] = [];
    const body = (a: Tensor): Tensor => {
      reading.push(a.data());
      return a;
    };
    jit(body)(x);
    vmap(body)(batch);
    const reasons = (await Promise.allSettled(reading)).map(
      (one) => (one as PromiseRejectedResult).reason as Error,
    );
    expect(reasons.map((reason) => reason.message)).toEqual([
      `data: expected a concrete tensor, got float32[3] ${traced}. ${remedy}`,
      `data: expected a concrete tensor, got float32[3] inside vmap, whose values exist only for the transform. ${remedy}`,
    ]);
  });

  test('of a larger tensor as a number is refused wherever it is', () => {
    expect(thrown(() => jit((a: Tensor) => a.mul(Number(a)))(x)).message).toBe(
      'Tensor: expected one element to stand as a number or in a template string, got float32[3]. Use toString(), toArray() or toTypedArray().',
    );
  });

  test('prints its place instead of its values', () => {
    const texts: string[] = [];
    const body = (a: Tensor): Tensor => {
      texts.push(a.toString());
      return a;
    };
    jit(body)(x);
    vmap(body)(batch);
    grad((a: Tensor) => body(a).sum())(x);
    expect(texts).toEqual([
      'tensor(<jit>, float32[3])',
      'tensor(<vmap>, float32[3])',
      'tensor(<grad>, float32[3])',
    ]);
  });
});

describe('a result whose shape depends on values', () => {
  const decide = (op: string, symbol: string, given: string): string =>
    `${op}: expected a result whose shape and kind are known without values, got one that ${symbol} would decide by the ` +
    `values of a traced tensor (${given}), which are unknown until the compiled program runs. ` +
    'Use `where` or another operator whose result has a fixed shape, or compute it outside jit.';

  test.each<readonly [string, Body, string]>([
    ['nonzero', (a) => ops.nonzero(a), decide('nonzero', 'aten::nonzero', 'float32[3]')],
    ['where with one argument', (a) => ops.where(a.gt(1)), decide('where', 'aten::nonzero', 'bool[3]')],
    ['argwhere', (a) => ops.argwhere(a), decide('argwhere', 'aten::nonzero', 'float32[3]')],
    [
      'maskedSelect',
      (a) => a.maskedSelect(a.gt(1)),
      decide('maskedSelect', 'aten::masked_select', 'float32[3]'),
    ],
    ['uniqueDim', (a) => ops.uniqueDim(a, 0), decide('uniqueDim', 'aten::unique_dim', 'float32[3]')],
    [
      'uniqueConsecutive',
      (a) => ops.uniqueConsecutive(a),
      decide('uniqueConsecutive', 'aten::unique_consecutive', 'float32[3]'),
    ],
    ['index with a traced mask', (a) => a.index(a.gt(1)), decide('index', 'aten::index', 'bool[3]')],
    [
      'repeatInterleave by counts',
      (a) => ops.repeatInterleave(a, a.to('int64')),
      decide('repeatInterleave', 'aten::repeat_interleave', 'int64[3]'),
    ],
    ['oneHot', (a) => ops.oneHot(a.to('int64')), decide('oneHot', 'aten::_local_scalar_dense', 'int64[]')],
    ['bincount', (a) => ops.bincount(a.to('int64')), decide('bincount', 'aten::bincount', 'int64[3]')],
    ['equal', (a) => ops.equal(a, a.neg()), decide('equal', 'aten::equal', 'float32[3]')],
    ['allclose', (a) => ops.allclose(a, a.neg()), decide('allclose', 'aten::allclose', 'float32[3]')],
  ])('%s is refused inside jit', (_name, body, message) => {
    expectNothingLeft(() => {
      for (const transform of [inside['jit'], (f: Body): unknown => vmap(jit(f))(batch)]) {
        const error = thrown(() => transform?.(body));
        expect(error).toBeInstanceOf(ConcretisationError);
        expect(error.message).toBe(message);
      }
      // Above a Grad layer it takes another way to the tracer.
      const nested = (a: Tensor): Tensor => {
        body(a);
        return a.sum();
      };
      expect(thrown(() => jit(grad(nested))(x))).toBeInstanceOf(ConcretisationError);
    });
  });

  test('is fine where constants alone decide', () => {
    const mask = tensor([true, false, true]);
    const jitted = jit(
      (a: Tensor) => [a.index(mask), ops.nonzero(mask).mul(2), ops.quantile(a, 0.5)] as const,
    );
    const [picked, places, median] = jitted(x);
    expect(picked.toArray()).toEqual([1, 3]);
    expect(places.toArray()).toEqual([[0], [4]]);
    expect(median.item()).toBe(2);
  });
});

describe("libtorch's random operators", () => {
  test.each<readonly [string, string, Body]>([
    ['randn', 'aten::randn', (a) => ops.randn([3]).add(a)],
    ['bernoulli', 'aten::bernoulli', (a) => ops.bernoulli(a.sigmoid())],
    ['dropout', 'aten::bernoulli_', (a) => ops.dropout(a, 0.5, true)],
    ['randperm', 'aten::randperm', () => ops.randperm(4)],
    ['multinomial', 'aten::multinomial', (a) => ops.multinomial(a, 2)],
    ['randLike', 'aten::rand_like', (a) => ops.randLike(a)],
  ])('%s is refused inside jit', (op, symbol, body) => {
    const error = thrown(() => inside['jit']?.(body));
    expect(error).toBeInstanceOf(TransformError);
    expect(error.message).toBe(
      `${op}: expected an operator that gives the same result every time, got ${symbol}, which draws from libtorch's own ` +
        'generator: a compiled program cannot repeat that. Use a function of `random` with an explicit key.',
    );
  });

  test.each<readonly [string, Body]>([
    ['randLike', (a) => ops.randLike(a)],
    ['dropout', (a) => ops.dropout(a, 0.5, true)],
    ['bernoulli', (a) => ops.bernoulli(a.sigmoid())],
  ])('%s is refused inside vmap', (op, body) => {
    const error = thrown(() => inside['vmap']?.(body));
    expect(error).toBeInstanceOf(TransformError);
    expect(error.message).toBe(
      `${op}: expected an operator that gives the same result every time, got one that draws from libtorch's own generator, ` +
        'of which vmap has only one for the whole batch. Use a function of `random` with a key for each of the batch.',
    );
  });

  test('are fine where they draw nothing', () => {
    expect(jit((a: Tensor) => ops.dropout(a, 0.5, false))(x).toArray()).toEqual([1, 2, 3]);
    const qkv = ops.ones([1, 2, 3, 4]);
    expect(jit((a: Tensor) => ops.scaledDotProductAttention(a, a, a))(qkv).toArray()).toEqual(qkv.toArray());
    expect(jit(grad((a: Tensor) => ops.scaledDotProductAttention(a, a, a).sum()))(qkv).shape).toEqual([
      1, 2, 3, 4,
    ]);
  });
});

describe('tensors that leave a transform', () => {
  test.each([
    ['jit', 'it was made inside `jit` while it was traced, and has no value outside; return it from there'],
    ['vmap', 'it was made inside `vmap`, which has ended; return it from there'],
    ['grad', 'it was made inside `grad`, which has ended; return it from there'],
  ] as const)('without being returned are gone after %s', (name, reason) => {
    const leaked: Tensor[] = [];
    const body = (a: Tensor): Tensor => {
      leaked.push(a, a.mul(2));
      return a.sum();
    };
    ({ jit: () => jit(body)(x), vmap: () => vmap(body)(batch), grad: () => grad(body)(x) })[name]();
    for (const one of leaked) {
      for (const use of [
        (): unknown => one.add(1),
        (): unknown => one.toArray(),
        (): unknown => jit(ops.neg)(one),
      ]) {
        const error = thrown(use);
        expect(error).toBeInstanceOf(DisposedError);
        expect(error.message).toContain(`expected a live tensor, got one that is gone: ${reason}.`);
      }
    }
  });

  test('from an earlier trace are gone in a later one', () => {
    let kept: Tensor | undefined;
    const jitted = jit((a: Tensor) => (kept ??= a.mul(2)).add(a));
    jitted(x);
    expect(() => jitted(ops.ones([2]))).toThrow(DisposedError);
    expect(native().tracing()).toBe(false);
    expect(jitted(x).toArray()).toEqual([3, 6, 9]);
  });
});

describe('state outside of a transform', () => {
  class Net extends Module {
    w: Tensor;
    constructor(w: Tensor) {
      super();
      this.w = w;
    }
  }

  test.each([
    ['jit', (f: (net: Net) => Tensor) => filterJit(f)],
    ['grad', (f: (net: Net) => Tensor) => filterGrad(f)],
    ['vmap', (f: (net: Net) => Tensor) => filterVmap(f)],
  ] as const)('that is a module cannot be written inside %s, argument or captured', (_name, transform) => {
    const captured = new Net(x);
    for (const target of [undefined, captured]) {
      const error = thrown(() =>
        transform((net: Net) => {
          (target ?? net).w = net.w.mul(2);
          return net.w.sum();
        })(captured),
      );
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(/w/);
    }
    expect(captured.w.toArray()).toEqual([1, 2, 3]);
  });

  test('that is a plain object or a list shows what was put there when it is used', () => {
    const state: { last?: Tensor; all: Tensor[] } = { all: [] };
    const jitted = jit((a: Tensor) => {
      state.last = a.mul(2);
      state.all.push(state.last);
      return a.sum();
    });
    jitted(x);
    jitted(x);
    expect(state.all).toHaveLength(1);
    const use = thrown(() => state.last?.add(1));
    expect(use).toBeInstanceOf(DisposedError);
    expect(use.message).toContain(
      'it was made inside `jit` while it was traced, and has no value outside; return it',
    );
    // The stack is that of the user's line.
    expect(use.stack).toMatch(/errors\.test\.ts/);
    for (const transform of [
      (): unknown => grad((a: Tensor) => a.mul(state.last!).sum())(x),
      (): unknown => vmap((a: Tensor) => a.mul(state.last!))(x),
      (): unknown => jit((a: Tensor) => a.mul(state.last!))(x),
      (): unknown => errorIf(state.last, tensor(true), 'never'),
      (): unknown => pureCallback((a: Tensor) => a, [state.last!], { resultShapeDtypes: x }),
    ]) {
      expect(thrown(transform)).toBeInstanceOf(Error);
    }
  });

  test('is not reached by tensors that a callback was given', () => {
    const seen: Tensor[] = [];
    const jitted = jit((a: Tensor) =>
      pureCallback(
        (b: Tensor) => {
          seen.push(b, b.mul(2));
          return b;
        },
        [a],
        { resultShapeDtypes: a },
      ),
    );
    expect(jitted(x).toArray()).toEqual([1, 2, 3]);
    expect(thrown(() => seen[1]?.add(1)).message).toContain('it was given to a callback, which has ended');
  });
});

describe('iterating', () => {
  test('goes over the first axis inside transforms, whose size is known', () => {
    const total = (a: Tensor): Tensor => {
      let sum = ops.zeros([]);
      for (const row of a as unknown as Iterable<Tensor>) sum = sum.add(row.mul(row));
      return sum;
    };
    expect([jit(total)(x).item(), vmap(total)(batch).toArray()]).toEqual([14, [14, 77]]);
    expect(grad(total)(x).toArray()).toEqual([2, 4, 6]);
  });
});

describe('functions that return a Promise', () => {
  const later = (a: Tensor): Promise<Tensor> => Promise.resolve(a.sum());
  const failing = (): Promise<Tensor> => Promise.reject(new Error('never seen'));

  test.each([
    ['jit', (f: typeof later) => jit(f)(x)],
    ['filterJit', (f: typeof later) => filterJit(f)(x)],
    ['vmap', (f: typeof later) => vmap(f)(batch)],
    ['filterVmap', (f: typeof later) => filterVmap(f)(batch)],
    ['filterVmap', (f: typeof later) => filterVmap((_n: number) => f(x))(3)],
    ['grad', (f: typeof later) => grad(f as never)(x)],
    ['valueAndGrad', (f: typeof later) => valueAndGrad(f as never, { hasAux: true })(x)],
    ['filterGrad', (f: typeof later) => filterGrad(f as never)(x as never)],
  ] as readonly (readonly [string, (f: typeof later) => unknown])[])(
    'are refused by %s',
    (name, transform) => {
      for (const fn of [later, failing]) {
        expectNothingLeft(() => {
          const error = thrown(() => transform(fn));
          expect(error).toBeInstanceOf(TransformError);
          expect(error.message).toBe(
            `${name}: expected a function that returns its result, got one that returns a Promise. Await before or after it.`,
          );
        });
      }
    },
  );
});

describe('side effects', () => {
  test.each(Object.entries({ ...inside, grad: (body: Body) => grad((a: Tensor) => (body(a), a.sum()))(x) }))(
    'on autograd are refused inside %s',
    (_name, transform) => {
      const captured = tensor([1, 2, 3]);
      const refused: readonly (readonly [string, Body])[] = [
        ['requiresGrad_', (a) => a.requiresGrad_()],
        ['requiresGrad_', () => captured.requiresGrad_()],
        [
          'autograd.backward',
          (a) => {
            a.sum().backward();
          },
        ],
        ['autograd.grad', (a) => autogradGrad(a.sum(), a)],
      ];
      for (const [op, body] of refused) {
        const error = thrown(() => transform(body));
        expect(error).toBeInstanceOf(TransformError);
        expect(error.message).toBe(
          `${op}: expected no transform around it, got a call inside jit, grad or vmap. Use \`grad\` or \`filterGrad\` there.`,
        );
      }
      expect(captured.requiresGrad).toBe(false);
    },
  );

  test('on the memory of arguments and captured tensors are refused inside jit', () => {
    const captured = tensor([1, 2, 3]);
    for (const [body, given] of [
      [(a: Tensor): unknown => callNamed('aten::add_.Tensor', a, 1), x],
      [(a: Tensor): unknown => callNamed('aten::mul_.Tensor', a.reshape([3, 1]), 2), x],
      [(a: Tensor): unknown => callNamed('aten::add_.Tensor', captured.slice(0, 0, 1), a.slice(0, 0, 1)), x],
    ] as const) {
      const error = thrown(() => jit(body)(given));
      expect(error).toBeInstanceOf(TransformError);
      expect(error.message).toMatch(
        /^\w+: expected an operator that leaves its arguments as they are, got aten::(add|mul)_, which writes to an input or to a captured tensor\. Give it a copy\.$/,
      );
    }
    expect([captured.toArray(), x.toArray()]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });
});

describe('calls that cannot be where they are', () => {
  test('lower inside a compiled function is refused, and the outer trace goes on', () => {
    const inner = jit((a: Tensor) => a.mul(2));
    const outer = jit((a: Tensor) => {
      const error = thrown(() => inner.lower(a));
      expect(error).toBeInstanceOf(TransformError);
      expect(error.message).toBe(
        'jit.lower: expected no compiled function around it, got a call while one is being traced. Call lower outside.',
      );
      return a.mul(3);
    });
    expect(outer(x).toArray()).toEqual([3, 6, 9]);
  });

  test('a compiled function that calls itself is refused, and everything is as it was', () => {
    const self: (a: Tensor) => Tensor = jit((a: Tensor) => self(a).add(1));
    const even: (a: Tensor) => Tensor = filterJit((a: Tensor) => odd(a).add(1));
    const odd: (a: Tensor) => Tensor = filterJit((a: Tensor) => even(a.neg()));
    for (const [name, run] of [
      ['jit', self],
      ['filterJit', even],
      ['jit', grad((a: Tensor) => self(a).sum())],
    ] as const) {
      expectNothingLeft(() => {
        const error = thrown(() => run(x));
        expect(error).toBeInstanceOf(TransformError);
        expect(error.message).toBe(
          `${name}: expected a function that ends, got one that calls itself with arguments of the same shapes while it is traced, ` +
            'where no value can end that. Use scan, foriLoop or whileLoop.',
        );
      }, 1);
    }
    expect(jit(ops.neg)(x).toArray()).toEqual([-1, -2, -3]);
  });

  test('a compiled function that calls itself with another static value compiles', () => {
    const power: (a: Tensor, n: number) => Tensor = filterJit((a: Tensor, n: number) =>
      n === 0 ? a.mul(0).add(1) : a.mul(power(a, n - 1)),
    );
    expect(power(x, 3).toArray()).toEqual([1, 8, 27]);
  });

  test('a compiled function that calls itself with smaller arguments compiles', () => {
    const sum: (a: Tensor) => Tensor = jit((a: Tensor) =>
      a.size === 1 ? a.reshape([]) : a.select(0, 0).add(sum(a.slice(0, 1))),
    );
    expect(sum(x).item()).toBe(6);
    expect(grad(sum)(x).toArray()).toEqual([1, 1, 1]);
  });
});

test('exceptions of JavaScript pass through all transforms as they are', () => {
  const own = { not: 'an Error' };
  for (const value of [new RangeError('mine'), own, undefined]) {
    const body = (): Tensor => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- JavaScript lets a user throw anything
      throw value;
    };
    expectNothingLeft(() => {
      for (const run of [
        (): unknown => jit(body)(),
        (): unknown => grad(body as (a: Tensor) => Tensor)(x),
        (): unknown => vmap(body as (a: Tensor) => Tensor)(batch),
        (): unknown => jit(vmap(grad(body as (a: Tensor) => Tensor)))(batch),
      ]) {
        let caught: unknown = 'nothing';
        try {
          run();
        } catch (error) {
          caught = error;
        }
        expect(caught).toBe(value);
      }
    });
  }
});

test('a program that fails when it runs says what libtorch said, and goes on afterwards', () => {
  const pick = jit((a: Tensor, i: Tensor) => a.indexSelect(0, i));
  const at = (i: number): Tensor => tensor([i], { dtype: 'int64' });
  expect(pick(x, at(2)).toArray()).toEqual([3]);
  expectNothingLeft(() => {
    const error = thrown(() => pick(x, at(7)));
    expect(error).toBeInstanceOf(OperatorError);
    expect(error.message).toBe('jit: index out of range in self');
    expect(
      thrown(() => vmap(pick, { inAxes: [null, 0] })(x, tensor([[0], [9]], { dtype: 'int64' }))),
    ).toBeInstanceOf(OperatorError);
  });
  expect(pick(x, at(1)).toArray()).toEqual([2]);
});
