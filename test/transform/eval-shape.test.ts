import { Module } from '../../lib/module';
import * as nn from '../../lib/nn';
import * as ops from '../../lib/ops';
import { cond, scan, whileLoop } from '../../lib/control';
import { bernoulli, gamma, key, normal, split } from '../../lib/random';
import { tensor } from '../../lib/tensor/create';
import { memory } from '../../lib/tensor/memory';
import { ShapeDtypeStruct } from '../../lib/tensor/shape-dtype-struct';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  checkpoint,
  customVjp,
  errorIf,
  evalShape,
  filterEvalShape,
  filterGrad,
  filterVmap,
  grad,
  hessian,
  jit,
  jvp,
  pureCallback,
  vmap,
} from '../../lib/transform';
import { leaves } from '../../lib/tree';
import { expectNothingLeft, thrown } from '../support/numeric';

const look = (shape: readonly number[], dtype: Tensor['dtype'] = 'float32'): ShapeDtypeStruct =>
  new ShapeDtypeStruct(shape, dtype);
const x = tensor([1, 2, 3]);
const shown = (tree: unknown): string[] => leaves(tree).map(String);

describe('evalShape', () => {
  test.each<readonly [string, (a: Tensor) => unknown, string[]]>([
    ['an operator', (a) => a.sin(), ['float32[3]']],
    ['promotion', (a) => a.to('float16').add(ops.arange(3)).mul(2), ['float16[3]']],
    ['a comparison', (a) => [a.gt(0), a.argmax()], ['bool[3]', 'int64[]']],
    ['views', (a) => a.reshape([3, 1]).expand([3, 4]).t(), ['float32[4,3]']],
    ['a product with a constant', (a) => ops.ones([2, 3]).matmul(a), ['float32[2]']],
    ['an argument as it is', (a) => a, ['float32[3]']],
    ['a captured tensor', () => x, ['float32[3]']],
    ['grad', (a) => grad((b: Tensor) => b.square().sum())(a), ['float32[3]']],
    ['hessian', (a) => hessian((b: Tensor) => b.pow(3).sum())(a), ['float32[3,3]']],
    ['jvp', (a) => jvp((b: Tensor) => b.sin(), [a], [a]), ['float32[3]', 'float32[3]']],
    ['vmap', (a) => vmap((b: Tensor) => ops.stack([b, b]))(a), ['float32[3,2]']],
    ['jit', (a) => jit((b: Tensor) => b.exp())(a), ['float32[3]']],
    [
      'grad of checkpoint',
      (a) => grad((b: Tensor) => checkpoint((c: Tensor) => c.sin())(b).sum())(a),
      ['float32[3]'],
    ],
    [
      'grad of customVjp',
      (a) =>
        grad((b: Tensor) =>
          customVjp((c: Tensor) => c.sin())
            .defvjp(
              (c) => [c.sin(), c],
              (c: Tensor, g: Tensor) => [g.mul(c)],
            )(b)
            .sum(),
        )(a),
      ['float32[3]'],
    ],
    [
      'scan',
      (a) => scan((c: Tensor, b: Tensor) => [c.add(b), c.gt(b)], tensor(0), a),
      ['float32[]', 'bool[3]'],
    ],
    [
      'cond',
      (a) =>
        cond(
          a.sum().gt(0),
          (b: Tensor) => b.sin(),
          (b: Tensor) => b.cos(),
          a,
        ),
      ['float32[3]'],
    ],
    [
      'the gradient of a loop',
      (a) =>
        grad((b: Tensor) =>
          whileLoop(
            (c: Tensor) => c.sum().lt(100),
            (c) => c.mul(2),
            b,
            { kind: 'bounded', maxSteps: 9 },
          ).sum(),
        )(a),
      ['float32[3]'],
    ],
    [
      'vmap of scan',
      (a) => vmap((b: Tensor) => scan((c: Tensor, d: Tensor) => [c.add(d), c], b, a)[1])(a),
      ['float32[3,3]'],
    ],
    ['errorIf', (a) => errorIf(a, a.lt(0), 'negative'), ['float32[3]']],
    [
      'pureCallback',
      (a) => pureCallback((_b: Tensor) => 'never run', [a], { resultShapeDtypes: look([2], 'int32') }),
      ['int32[2]'],
    ],
    [
      'random numbers',
      () => [normal(key(0), [4]), bernoulli(key(0), 0.5, [2]), gamma(key(1), 2, [5])],
      ['float32[4]', 'bool[2]', 'float32[5]'],
    ],
    ['keys', () => split(key(0), 3), ['uint32[3,2]']],
    ['a convolution', (a) => ops.conv1d(a.reshape([1, 1, 3]), ops.ones([2, 1, 2])), ['float32[1,2,2]']],
    ['an inverse', (a) => ops.linalgInv(ops.diag(a)), ['float32[3,3]']],
  ])('gives those of %s', (_name, fn, expected) => {
    expectNothingLeft(() => {
      expect(shown(evalShape(fn, x))).toEqual(expected);
      expect(shown(evalShape(fn, look([3])))).toEqual(expected);
      // Inside other transforms too.
      let inside: string[] = [];
      const seen = (a: Tensor): Tensor => {
        inside = shown(evalShape(fn, a));
        return a.sum();
      };
      for (const transform of [jit(seen), grad(seen)]) {
        transform(x);
        expect(inside).toEqual(expected);
      }
    }, 2);
  });

  test('computes nothing', () => {
    const before = memory().peak;
    const big = look([1 << 16, 1 << 16]);
    expect(String(evalShape((a: Tensor) => a.matmul(a).softmax(1).sum(0), big))).toBe('float32[65536]');
    expect(memory().peak).toBeLessThan(before + (1 << 20));
  });

  test('keeps the structure, and what a function throws', () => {
    const result = evalShape((a: Tensor, b: { readonly w: Tensor }) => ({ y: [a.add(b.w)] }), x, {
      w: look([1]),
    });
    expect(result.y[0]?.shape).toEqual([3]);
    expect(thrown(() => evalShape((a: Tensor) => a.matmul(ops.ones([4, 4])), x))).toMatchObject({
      code: 'ERR_SHAPE',
    });
    expect(() =>
      evalShape(() => {
        throw new RangeError('mine');
      }),
    ).toThrow(RangeError);
    // Afterwards operators compute again.
    expect(x.sum().item()).toBe(6);
  });

  test('refuses reads of values', () => {
    const reads: readonly ((a: Tensor) => unknown)[] = [
      (a) => a.sum().item(),
      (a) => a.toArray(),
      (a) => Number(a.sum()),
    ];
    for (const read of reads) {
      const error = thrown(() => evalShape((a: Tensor) => (read(a), a), x));
      expect(error).toMatchObject({ code: 'ERR_CONCRETISATION' });
      expect(error.message).toContain('inside evalShape, which computes no values');
    }
    expect(thrown(() => evalShape((a: Tensor) => ops.nonzero(a), x))).toMatchObject({
      code: 'ERR_CONCRETISATION',
    });
  });

  test('refuses other leaves, Promises, and what is no function', () => {
    expect(thrown(() => evalShape((a: number) => tensor(a), 3)).message).toContain('got 3 at [0]');
    expect(thrown(() => evalShape((a: Tensor) => [a, 'b'], x)).message).toContain('got "b" at [1]');
    expect(thrown(() => evalShape(async (a: Tensor) => Promise.resolve(a), x)).message).toContain('Promise');
    expect(thrown(() => evalShape(3 as never))).toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});

describe('filterEvalShape', () => {
  test('passes other leaves by identity, both ways', () => {
    const other = { tag: Symbol('tag') };
    const act = (a: Tensor): Tensor => a;
    const [y, same, f] = filterEvalShape(
      (a: Tensor, b: unknown, g: unknown) => [a.sin(), b, g] as const,
      look([2]),
      other.tag,
      act,
    );
    expect([String(y), same, f]).toEqual(['float32[2]', other.tag, act]);
  });

  test('constructs a module without memory, and applies it', () => {
    const like = filterEvalShape(nn.MLP, 2, 3, 1 << 14, 3, { key: look([2], 'uint32') });
    expect(like).toBeInstanceOf(nn.MLP);
    expect(shown(like).slice(0, 2)).toEqual(['float32[16384,2]', 'float32[16384]']);
    expect(String(filterEvalShape(like, look([2])))).toBe('float32[3]');
    const grads = filterEvalShape(
      filterGrad((m: nn.MLP, a: Tensor) => filterVmap(m)(a).sum()),
      like,
      look([5, 2]),
    );
    expect(shown(grads).slice(0, 2)).toEqual(['float32[16384,2]', 'float32[16384]']);
  });

  test('takes the shape of a module of the user', () => {
    class Net extends Module {
      readonly w: Tensor;
      constructor(size: number) {
        super();
        this.w = ops.zeros([size, 2]);
      }
    }
    expect(String(filterEvalShape(Net, 7).w)).toBe('float32[7,2]');
  });
});
