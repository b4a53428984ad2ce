// Mistakes inside transforms: the error says what was wrong and what to use, and its stack names the line of the user that
// is to be changed. Each case marks that line with a comment.
import { readFileSync } from 'node:fs';
import { cond, scan, switchCase, whileLoop } from '../../lib/control';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import '../../lib/autograd';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  checkpoint,
  customVjp,
  evalShape,
  filterCustomVjp,
  filterGrad,
  filterVmap,
  grad,
  hessian,
  jacfwd,
  jit,
  jvp,
  pureCallback,
  vjp,
  vmap,
} from '../../lib/transform';
import { thrown } from '../support/numeric';

const x = tensor([1, 2, 3]);
const source = readFileSync(__filename, 'utf8').split('\n');

/** Under every transform, so that the stack is deep. */
const deep = (f: (a: Tensor) => unknown): unknown => {
  const total = (a: Tensor): Tensor => {
    f(a);
    return a.sum();
  };
  return vmap(jit(hessian(checkpoint((a: Tensor) => vmap(total)(ops.stack([a, a])).sum()))))(
    ops.stack([x, x]),
  );
};

interface Case {
  readonly run: () => unknown;
  readonly code: string;
  /** What the message must contain: the cause, and what to do. */
  readonly says: readonly string[];
}

const unknown = 'whose values are unknown until the compiled program runs';
const remedy = 'Use tensor operators such as `where`';
const gone = 'return it from there';

const cases: Readonly<Record<string, Case>> = {
  item: {
    run: () =>
      jit((a: Tensor) => {
        return a.sum().item(); // @item
      })(x),
    code: 'ERR_CONCRETISATION',
    says: ['item: expected a concrete tensor', unknown, remedy],
  },
  toArray: {
    run: () =>
      jit((a: Tensor) => {
        return a.toArray(); // @toArray
      })(x),
    code: 'ERR_CONCRETISATION',
    says: ['toArray: expected a concrete tensor', unknown, remedy],
  },
  if: {
    run: () =>
      jit((a: Tensor) => {
        if ((a.sum() as unknown as number) > 0) return a; // @if
        return a.neg();
      })(x),
    code: 'ERR_CONCRETISATION',
    says: ['expected a concrete tensor', unknown, remedy],
  },
  'a read under many transforms': {
    run: () =>
      deep((a) => {
        a.toArray(); // @a read under many transforms
      }),
    code: 'ERR_CONCRETISATION',
    says: ['toArray: expected a concrete tensor', 'whose values exist only for the transform', remedy],
  },
  'a read in a loop': {
    run: () =>
      scan(
        (c: Tensor, a: Tensor) => {
          return [c.add(a.item()), null]; // @a read in a loop
        },
        tensor(0),
        x,
      ),
    code: 'ERR_CONCRETISATION',
    says: ['item: expected a concrete tensor', remedy],
  },
  'a read in evalShape': {
    run: () =>
      evalShape((a: Tensor) => {
        return a.mul(a.sum().item()); // @a read in evalShape
      }, x),
    code: 'ERR_CONCRETISATION',
    says: ['inside evalShape, which computes no values', remedy],
  },
  'a shape that depends on values': {
    run: () =>
      jit((a: Tensor) => {
        return ops.nonzero(a); // @a shape that depends on values
      })(x),
    code: 'ERR_CONCRETISATION',
    says: ['nonzero: expected a result whose shape', 'Use `where`'],
  },
  'a write to captured state': {
    run: () =>
      jit((a: Tensor) => {
        x.requiresGrad_(); // @a write to captured state
        return a;
      })(x),
    code: 'ERR_TRANSFORM',
    says: ['requiresGrad_: expected no transform around it', 'Use `grad`'],
  },
  'a tensor that left jit': {
    run: () => {
      const kept: Tensor[] = [];
      jit((a: Tensor) => (kept.push(a.sin()), a))(x);
      return kept[0]!.add(1); // @a tensor that left jit
    },
    code: 'ERR_DISPOSED',
    says: ['add: expected a live tensor', 'it was made inside `jit` while it was traced', gone],
  },
  'a tensor that left vmap': {
    run: () => {
      const kept: Tensor[] = [];
      vmap((a: Tensor) => (kept.push(a.sin()), a))(x);
      return kept[0]!.item(); // @a tensor that left vmap
    },
    code: 'ERR_DISPOSED',
    says: ['item: expected a live tensor', 'it was made inside `vmap`', gone],
  },
  'a tensor that left scan': {
    run: () => {
      const kept: Tensor[] = [];
      scan((c: Tensor, a: Tensor) => (kept.push(a.sin()), [c, null]), x, x);
      return kept[0]!.add(1); // @a tensor that left scan
    },
    code: 'ERR_DISPOSED',
    says: ['add: expected a live tensor', 'it was made inside `scan` while it was traced', gone],
  },
  'random without a key': {
    run: () =>
      jit((a: Tensor) => {
        return ops.dropout(a, 0.5, true); // @random without a key
      })(x),
    code: 'ERR_TRANSFORM',
    says: ["which draws from libtorch's own generator", 'Use a function of `random` with an explicit key'],
  },
  'random without a key in vmap': {
    run: () =>
      vmap((a: Tensor) => {
        return a.add(ops.randn([2])); // @random without a key in vmap
      })(x),
    code: 'ERR_TRANSFORM',
    says: ["draws from libtorch's own generator", 'Use a function of `random` with a key'],
  },
  'a Promise': {
    run: () => {
      const f = jit(async (a: Tensor) => Promise.resolve(a));
      return f(x); // @a Promise
    },
    code: 'ERR_TRANSFORM',
    says: [
      'jit: expected a function that returns its result, got one that returns a Promise',
      'Await before or after',
    ],
  },
  'a Promise in a loop': {
    run: () => {
      const f = async (c: Tensor): Promise<never> => Promise.resolve([c, null] as never);
      return scan(f as never, x, x); // @a Promise in a loop
    },
    code: 'ERR_TRANSFORM',
    says: ['scan: expected a function that returns its result', 'Await before or after'],
  },
  'a gradient of several numbers': {
    run: () => {
      return grad((a: Tensor) => a.mul(2))(x); // @a gradient of several numbers
    },
    code: 'ERR_TRANSFORM',
    says: [
      'grad: expected a function that returns a real scalar tensor, got float32[3]',
      'Reduce it with sum() or mean()',
    ],
  },
  'a gradient by integers': {
    run: () => {
      return grad((a: Tensor) => a.sum())(x.to('int64')); // @a gradient by integers
    },
    code: 'ERR_TRANSFORM',
    says: ['grad: expected floating-point tensors in argument 0, got int64[3]', 'Use filterGrad'],
  },
  'a gradient of a number': {
    run: () => {
      return grad((() => 3) as never)(x); // @a gradient of a number
    },
    code: 'ERR_TRANSFORM',
    says: [
      'grad: expected a function that returns a real scalar tensor, got 3',
      'Return one real number as a tensor',
    ],
  },
  'a Jacobian of a text': {
    run: () => {
      return jacfwd((() => 'text') as never)(x); // @a Jacobian of a text
    },
    code: 'ERR_TRANSFORM',
    says: ['jacfwd: expected a function that returns floating-point tensors, got "text"', 'hasAux'],
  },
  'batches of two sizes': {
    run: () => {
      const f = filterVmap((m: { readonly w: Tensor; readonly b: Tensor }) => m.w.add(m.b));
      return f({ w: x, b: tensor([1, 2]) }); // @batches of two sizes
    },
    code: 'ERR_SHAPE',
    says: ["got 2 from argument [0]['b'] and 3 from argument [0]['w'] (float32[3], axis 0)"],
  },
  'an out-axis that is not there': {
    run: () => {
      return vmap((a: Tensor) => a, { outAxes: 2 })(x); // @an out-axis that is not there
    },
    code: 'ERR_SHAPE',
    says: ['vmap: expected an out-axis between -1 and 0 for float32[], got 2'],
  },
  'an in-axis that is not there': {
    run: () => {
      return vmap((a: Tensor) => a, { inAxes: 1 })(x); // @an in-axis that is not there
    },
    code: 'ERR_SHAPE',
    says: ['vmap: expected a tensor with an axis 1 to map over, got float32[3] at argument [0]'],
  },
  'tangents of another shape': {
    run: () => {
      return jvp((a: Tensor) => a, [x], [tensor(1)]); // @tangents of another shape
    },
    code: 'ERR_TRANSFORM',
    says: ['jvp: expected float32[3] among the tangents, got float32[] at [0]'],
  },
  'cotangents of another tree': {
    run: () => {
      const [, pull] = vjp((a: Tensor) => a, x);
      return pull([x]); // @cotangents of another tree
    },
    code: 'ERR_TRANSFORM',
    says: ['vjp: expected float32[3] among the cotangents, got array of 1. null stands for zero'],
  },
  'a backward rule with too many gradients': {
    run: () => {
      const f = customVjp((a: Tensor) => a.sin()).defvjp(
        (a) => [a.sin(), a],
        (_a: Tensor, g: Tensor) => [g, g],
      );
      return grad((a: Tensor) => f(a).sum())(x); // @a backward rule with too many gradients
    },
    code: 'ERR_TRANSFORM',
    says: [
      'customVjp: expected a backward rule that returns an array with the gradient of each of 1 argument(s), got one of 2',
    ],
  },
  'a backward rule with another tree': {
    run: () => {
      const f = filterCustomVjp((a: { readonly w: Tensor }) => a.w.sin())
        .defFwd((_perturbed, a) => [a.w.sin(), a])
        .defBwd((_a: unknown, g: Tensor) => [g]);
      return grad((a: Tensor) => f({ w: a }).sum())(x); // @a backward rule with another tree
    },
    code: 'ERR_TRANSFORM',
    says: ['filterCustomVjp: expected gradients with the structure', "{'w': *}"],
  },
  'a backward rule with another shape, compiled': {
    run: () => {
      const f = customVjp((a: Tensor) => a.sin()).defvjp(
        (a) => [a.sin(), a],
        (_a: Tensor, g: Tensor) => [g.sum()],
      );
      return jit(grad((a: Tensor) => f(a).sum()))(x); // @a backward rule with another shape, compiled
    },
    code: 'ERR_TRANSFORM',
    says: ['customVjp: expected float32[3] among the gradients, got float32[] at [0]'],
  },
  'branches that disagree': {
    run: () => {
      const [one, other] = [(a: Tensor) => ({ y: a }), (a: Tensor) => ({ y: a.sum() })];
      return cond(x.sum().gt(0), one, other, x); // @branches that disagree
    },
    code: 'ERR_TRANSFORM',
    says: ['cond: expected the result of branch 1 to have', "float32[3], got float32[] at ['y']"],
  },
  'branches of other dtypes': {
    run: () => {
      return switchCase(tensor(0, { dtype: 'int64' }), [(a: Tensor) => a, (a: Tensor) => a.to('int64')], x); // @branches of other dtypes
    },
    code: 'ERR_TRANSFORM',
    says: ['switchCase: expected the result of branch 1', 'float32[3], got int64[3]'],
  },
  'a loop that changes shapes': {
    run: () => {
      const [condition, body] = [(a: Tensor) => a.sum().lt(3), (a: Tensor) => a.reshape([1, 3])];
      return whileLoop(condition, body, x); // @a loop that changes shapes
    },
    code: 'ERR_TRANSFORM',
    says: ['whileLoop: expected the carry to have', 'float32[3], got float32[1,3]'],
  },
  'a loop that changes its tree': {
    run: () => {
      const grow = ((a: readonly Tensor[]) => [...a, ...a]) as never;
      return whileLoop((a: readonly Tensor[]) => a[0]!.sum().lt(3), grow, [x]); // @a loop that changes its tree
    },
    code: 'ERR_TREE',
    says: ['whileLoop: the carry: expected array of 1, got array of 2'],
  },
  'a derivative of a callback': {
    run: () => {
      const f = (a: Tensor): Tensor => pureCallback((b: Tensor) => b, [a], { resultShapeDtypes: a }).sum(); // @a derivative of a callback
      return grad(f)(x);
    },
    code: 'ERR_TRANSFORM',
    says: ['pureCallback: expected values that no derivative is taken of', 'Use stopGradient'],
  },
  'a first argument without a parameter': {
    run: () => {
      return filterGrad((a: number) => x.mul(a).sum())(3); // @a first argument without a parameter
    },
    code: 'ERR_TRANSFORM',
    says: ['filterGrad: expected a floating-point tensor in the first argument, got 3'],
  },
};

test.each(Object.keys(cases))('%s', (name) => {
  const { run, code, says } = cases[name]!;
  const error = thrown(run);
  expect(error).toMatchObject({ code });
  for (const text of says) expect(error.message).toContain(text);
  const line = source.findIndex((text) => text.endsWith(`// @${name}`)) + 1;
  expect(line).toBeGreaterThan(0);
  expect(error.stack).toContain(`user-line.test.ts:${line}:`);
  expect([native().depth(), native().tracing()]).toEqual([0, false]);
  // What follows works.
  expect(jit(grad((a: Tensor) => a.square().sum()))(x).toArray()).toEqual([2, 4, 6]);
});

test.each<readonly [string, (gone: Tensor) => unknown]>([
  ['grad', (a) => grad((b: Tensor) => b.sum())(a)],
  ['filterGrad', (a) => filterGrad((b: Tensor) => b.sum())(a)],
  ['jvp', (a) => jvp((b: Tensor) => b, [x], [a])],
  ['vjp', (a) => vjp((b: Tensor) => b, a)],
  ['vjp', (a) => vjp((b: Tensor) => b, x)[1](a)],
  ['jacfwd', (a) => jacfwd((b: Tensor) => b)(a)],
  ['hessian', (a) => hessian((b: Tensor) => b.sum())(a)],
  ['jit', (a) => jit((b: Tensor) => b)(a)],
  ['vmap', (a) => vmap((b: Tensor) => b)(a)],
  ['filterVmap', (a) => filterVmap((b: Tensor) => b)(a)],
  ['checkpoint', (a) => checkpoint((b: Tensor) => b)(a)],
  ['evalShape', (a) => evalShape((b: Tensor) => b, a)],
  [
    'customVjp',
    customVjp((b: Tensor) => b).defvjp(
      (b) => [b, null],
      (_kept: null, g: Tensor) => [g],
    ),
  ],
])('%s names itself for a tensor that is gone', (name, use) => {
  const one = tensor([1, 2, 3]);
  one.dispose();
  expect(thrown(() => use(one)).message).toBe(
    `${name}: expected a live tensor, got one that is gone: it was disposed.`,
  );
});

describe('a function that calls itself without end', () => {
  const functions: Readonly<Record<string, () => (a: Tensor) => Tensor>> = {
    jit: () => {
      const f: (a: Tensor) => Tensor = jit((a: Tensor): Tensor => f(a).add(1));
      return f;
    },
    grad: () => {
      const f: (a: Tensor) => Tensor = grad((a: Tensor): Tensor => f(a).sum());
      return f;
    },
    vmap: () => {
      const f: (a: Tensor) => Tensor = vmap((a: Tensor): Tensor => f(a.reshape([1])));
      return f;
    },
    jvp: () => {
      const f = (a: Tensor): Tensor => jvp(f, [a], [a])[1];
      return f;
    },
    customVjp: () => {
      const f: (a: Tensor) => Tensor = customVjp((a: Tensor): Tensor => f(a)).defvjp(
        (a) => [a, a],
        (_a: Tensor, g: Tensor) => [g],
      );
      return f;
    },
    checkpoint: () => {
      const f: (a: Tensor) => Tensor = checkpoint((a: Tensor): Tensor => f(a));
      return f;
    },
    scan: () => {
      const f = (a: Tensor): Tensor => scan((c: Tensor) => [f(c), null], a, x)[0];
      return f;
    },
    cond: () => {
      const f = (a: Tensor): Tensor => cond(a.sum().gt(0), f, (b: Tensor) => b, a);
      return f;
    },
    whileLoop: () => {
      const f = (a: Tensor): Tensor => whileLoop((b: Tensor) => b.sum().gt(0), f, a);
      return f;
    },
  };

  test.each(Object.keys(functions))('is refused under %s', (name) => {
    const error = thrown(() => functions[name]!()(x));
    expect(error).toMatchObject({ code: 'ERR_TRANSFORM' });
    expect(error.message).toContain(`${name}: expected a function that ends`);
    expect(error.message).toMatch(/[uU]se scan, foriLoop or whileLoop/);
    expect([native().depth(), native().tracing()]).toEqual([0, false]);
  });
});
