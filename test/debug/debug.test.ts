import { ArgumentError, DtypeError, TransformError } from '../../lib/base/errors';
import * as debug from '../../lib/debug';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { filterGrad, filterJit, filterVmap, grad, jit, vmap } from '../../lib/transform';
import { flatten, unflatten } from '../../lib/tree';
import { thrown } from '../support/numeric';

const x = tensor([1, 2, 3]);

function printed(run: () => void): string[] {
  const lines: string[] = [];
  const log = jest.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
  try {
    run();
  } finally {
    log.mockRestore();
  }
  return lines;
}

describe('announceTransform', () => {
  test('names the transforms around a tensor, the outermost first', () => {
    const f = (a: Tensor): Tensor => debug.announceTransform({ a, k: 3 }).a.sum();
    const lines = printed(() => {
      f(x);
      vmap(f)(ops.ones([2, 3]));
      grad(f)(x);
      jit(f)(x);
      jit(f)(x);
      jit(vmap(grad(f)))(ops.ones([2, 3]));
    });
    expect(lines).toEqual(['impl', 'vmap', 'grad', 'jit', 'jit:vmap:grad']);
  });

  test('gives intermediate transforms, a name and another way to print', () => {
    const lines: string[] = [];
    const announce = (line: string): void => void lines.push(line);
    jit(vmap((a: Tensor) => debug.announceTransform(a, { name: 'here', intermediates: true, announce })))(x);
    expect(lines).toEqual(['(here) jit', '(here) jit:vmap']);
  });
});

describe('storeDce and inspectDce', () => {
  test('print what is computed and what was removed', () => {
    // equinox/test_debug: (i32[], <DCE'd>, 'foobar')
    const f = jit((a: Tensor) => debug.storeDce([a.add(1), a.square(), 'foobar'] as const, 'one')[0]);
    f(tensor(1, { dtype: 'int32' }));
    expect(
      printed(() => {
        debug.inspectDce('one');
      }),
    ).toEqual(['Found 1 call to `equinode.debug.storeDce`.', 'Entry 0:', "[i32[], <DCE'd>, 'foobar']"]);
    expect(
      printed(() => {
        debug.inspectDce('other');
      }),
    ).toEqual(['Found 0 calls to `equinode.debug.storeDce`.']);
  });

  test('tell several calls apart, and let derivatives and batches pass', () => {
    const f = (a: Tensor): Tensor => {
      const [b] = debug.storeDce([a.square(), a.exp()] as const);
      return debug.storeDce({ b }).b.sum();
    };
    expect(jit(vmap(grad(f)))(ops.ones([2, 3])).toArray()).toEqual([
      [2, 2, 2],
      [2, 2, 2],
    ]);
    const lines = printed(() => {
      debug.inspectDce();
    });
    expect(lines[0]).toBe('Found 2 calls to `equinode.debug.storeDce`.');
  });

  test('refuse the other side of a compiled function', () => {
    expect(thrown(() => debug.storeDce(x))).toBeInstanceOf(TransformError);
    expect(
      thrown(() => {
        jit(() => {
          debug.inspectDce();
        })();
      }).message,
    ).toBe(
      'inspectDce: expected no compiled function around it, got a call while one is being traced. Call it outside.',
    );
  });
});

describe('assertDce', () => {
  test('throws where a value is computed after all', () => {
    const used = jit((a: Tensor) => debug.assertDce(a, 'still there').add(1));
    expect(thrown(() => used(x)).message).toMatch(/^still there\n/);
    const unused = jit((a: Tensor) => {
      debug.assertDce(a, 'never');
      return a;
    });
    expect(unused(x).toArray()).toEqual([1, 2, 3]);
    expect(debug.assertDce(x, 'never')).toBe(x);
  });
});

describe('backwardNan', () => {
  const root = (a: Tensor, terminate: boolean): Tensor =>
    debug.backwardNan({ a: a.sqrt(), k: 3 }, { name: 'root', terminate }).a.sum();
  // equinox/test_debug
  const nan = (a: Tensor, terminate: boolean): Tensor => {
    const b = debug.backwardNan(a, { name: 'foo', terminate });
    return b.mul(0).div(0).sum();
  };

  test('prints values and gradients in the backward pass, and only there', () => {
    const run = (a: Tensor): Tensor => root(a, true);
    expect(printed(() => run(tensor([1, 4])))).toEqual([]);
    for (const slope of [grad(run), jit(grad(run)), grad(jit(run))]) {
      const lines = printed(() => {
        expect(slope(tensor([1, 4])).toArray()).toEqual([0.5, 0.25]);
      });
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(
        /^root:\n {3}primals=\{'a': .*\[1\., 2\.\].*, 'k': 3\}\ncotangents=\{'a': .*\[1\., 1\.\]/,
      );
    }
  });

  test('throws where a gradient is NaN, unless told not to', () => {
    const at = tensor([1, 4]);
    for (const wrap of [<F>(f: F): F => f, jit as never as <F>(f: F) => F]) {
      const lines = printed(() => {
        const error = thrown(() => wrap(grad((a: Tensor) => nan(a, true)))(at));
        expect(error.message).toMatch(/^Encountered NaN\nThe check stands at nan \(.*debug\.test\.ts/);
        expect(wrap(grad((a: Tensor) => nan(a, false)))(at).toArray()).toEqual([NaN, NaN]);
      });
      expect(lines).toHaveLength(2);
      expect(lines[0]).toMatch(/^foo:\n {3}primals=.*\ncotangents=.*nan, nan/);
    }
    expect(thrown(() => printed(() => vmap(grad((a: Tensor) => nan(a, true)))(at))).message).toContain(
      'Batch index (0,) had error:\nEncountered NaN',
    );
  });

  test('passes second derivatives, other trees, and compiled batches', () => {
    const f = (a: Tensor): Tensor => debug.backwardNan(a).pow(3).sum();
    const lines = printed(() => {
      expect(grad((a: Tensor) => grad(f)(a).sum())(tensor([1, 2])).toArray()).toEqual([6, 12]);
      expect(jit(vmap(grad(f)))(tensor([1, 2])).toArray()).toEqual([3, 12]);
    });
    expect(lines.length).toBeGreaterThan(1);
    const other = [3, 'text'];
    expect(debug.backwardNan(other)).toBe(other);
  });
});

describe('breakpointIf', () => {
  test('runs in its place, known or not, and changes nothing', () => {
    const f = (a: Tensor): Tensor => {
      debug.breakpointIf(a.lt(0));
      return a.mul(2);
    };
    for (const run of [f, jit(f), vmap(f), jit(vmap(f)), vmap(jit(f))]) {
      expect(run(x).toArray()).toEqual([2, 4, 6]);
      expect(run(x.neg()).toArray()).toEqual([-2, -4, -6]);
    }
    debug.breakpointIf(false);
    expect(jit(f).lower(x).graph).toContain('equinode::effect');
    expect(jit(grad((a: Tensor) => f(a).sum()))(x).toArray()).toEqual([2, 2, 2]);
    expect(
      thrown(() => {
        debug.breakpointIf(x);
      }),
    ).toBeInstanceOf(DtypeError);
  });
});

describe('assertMaxTraces and getNumTraces', () => {
  test('allow as many traces as said, and name what is new', () => {
    // equinox/test_debug
    const f = filterJit(debug.assertMaxTraces((a: Tensor, k: number) => a.mul(k), { maxTraces: 1 }));
    f(tensor([1]), 2);
    f(tensor([2]), 2);
    expect(debug.getNumTraces(f)).toBe(1);
    const error = thrown(() => f(tensor([1], { dtype: 'int32' }), 2));
    expect(error).toBeInstanceOf(TransformError);
    expect(error.message).toBe(
      'assertMaxTraces: expected a function, which can only be traced 1 times, to be compiled already, got trace number 2. ' +
        'Argument 0 is new: i32[1]. Before it was f32[1].',
    );
    expect(thrown(() => f(tensor([1]), 3)).message).toContain('Argument 1 is new: 3. Before it was 2.');
    expect(debug.getNumTraces(f)).toBe(3);
  });

  test('share the count among copies, and look through transforms', () => {
    const counting = debug.assertMaxTraces((a: Tensor) => a.sum(), { maxTraces: null });
    const [leaves, structure] = flatten(counting);
    const copy = unflatten(structure, leaves) as typeof counting;
    filterJit(filterGrad(counting))(x);
    filterJit(filterGrad(copy))(x);
    expect([debug.getNumTraces(counting), debug.getNumTraces(filterVmap(filterGrad(copy)))]).toEqual([1, 1]);
    copy(x);
    expect(debug.getNumTraces(counting)).toBe(2);
    const other = debug.assertMaxTraces((a: Tensor) => a.sum(), { maxTraces: 5 });
    expect(debug.getNumTraces(other)).toBe(0);
  });

  test('refuse what is no limit and no such function', () => {
    expect(() => debug.assertMaxTraces(ops.neg, { maxTraces: 1.5 })).toThrow(
      'assertMaxTraces: expected `maxTraces` to be null or an integer of at least 0, got 1.5.',
    );
    expect(() => debug.getNumTraces(ops.neg)).toThrow(ArgumentError);
  });
});
