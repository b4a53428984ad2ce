import { field, Module, Partial } from '../../lib/module';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import { Tensor } from '../../lib/tensor/tensor';
import {
  clearCaches,
  filterGrad,
  filterJit,
  filterValueAndGrad,
  filterVmap,
  ifArray,
  jit,
  vmap,
} from '../../lib/transform';
import { leaves, map } from '../../lib/tree';
import { counted } from '../support/counted';
import { numbers } from '../support/numeric';

const x = tensor([1, 2, 3]);
const two = ops.zeros([2]);

// equinox/test_jit: num_traces.
describe('a compiled function is traced', () => {
  test('once for a function that is wrapped anew for each call', () => {
    const f = counted((a: Tensor) => a.square().sum());
    for (let i = 0; i < 3; i++) expect(filterJit(filterGrad(f))(x).toArray()).toEqual([2, 4, 6]);
    expect(f.count).toBe(1);
    for (let i = 0; i < 3; i++) expect(filterJit(filterValueAndGrad(f))(x)[0].item()).toBe(14);
    expect(f.count).toBe(2);
    const batch = ops.stack([x, x]);
    for (let i = 0; i < 3; i++) filterJit(filterVmap(filterGrad(f)))(batch);
    expect(f.count).toBe(3);
    for (let i = 0; i < 3; i++) filterJit(filterVmap(filterGrad(f), { inAxes: ifArray(1) }))(batch);
    expect(f.count).toBe(4);
    for (let i = 0; i < 3; i++) jit(f)(x);
    expect(f.count).toBe(5);
    // As an argument a wrapper is a node too.
    const apply = counted((g: (a: Tensor) => Tensor, a: Tensor) => g(a));
    for (let i = 0; i < 3; i++) filterJit(apply)(filterGrad(f), x);
    expect(apply.count).toBe(1);
  });

  test('once for a compiled function of a compiled function', () => {
    const f = counted((a: Tensor) => a.neg());
    const twice = filterJit(filterJit(f));
    twice(x);
    twice(x);
    expect(f.count).toBe(1);
  });

  class Scale extends Module {
    readonly by: number | Tensor;
    constructor(by: number | Tensor) {
      super();
      this.by = by;
    }
    static calls = 0;
    forward(a: Tensor): Tensor {
      Scale.calls++;
      return a.mul(this.by);
    }
  }

  test('again for another number in a module, not for another tensor', () => {
    const run = filterJit((m: Scale, a: Tensor) => m.forward(a));
    const counts = (call: (m: Scale) => Tensor): number[] => {
      Scale.calls = 0;
      clearCaches();
      return [1, 1, 2, tensor(1), tensor(2)].map((by) => {
        expect(numbers(call(new Scale(by)))).toEqual(numbers(x.mul(by)));
        return Scale.calls;
      });
    };
    expect(counts((m) => run(m, x))).toEqual([1, 1, 2, 3, 3]);
    expect(counts((m) => filterJit(m)(x))).toEqual([1, 1, 2, 3, 3]);
    expect(counts((m) => filterJit(new Partial(m, [x]))())).toEqual([1, 1, 2, 3, 3]);
    expect(counts((m) => filterJit(filterVmap(m, { inAxes: 0 }))(x))).toEqual([1, 1, 2, 3, 3]);
  });

  test('with a wrapped model as an input, whose gradient exists', () => {
    const run = counted((f: (a: Tensor) => Tensor, a: Tensor) => f(a).sum());
    const slope = filterJit(filterGrad(run));
    for (const by of [2, 3]) {
      const gradient = slope(filterVmap(new Scale(tensor(by)), { inAxes: 0 }), x);
      expect(leaves(gradient).map((leaf) => (leaf instanceof Tensor ? leaf.item() : leaf))).toEqual([6]);
    }
    expect(run.count).toBe(1);
  });

  test('for positions of tensors, for trees, static values and options, in whatever order they are written', () => {
    const f = counted((_first: unknown, _options: unknown, _third: unknown, _fourth: unknown) => x);
    const run = filterJit(f);
    const calls: [unknown, unknown, unknown, unknown][] = [
      [true, { a: 1, b: 1 }, true, true],
      [true, { b: 1, a: 1 }, true, true],
      [true, { a: 1, b: 1 }, two, true],
      [two, { a: 1, b: 1 }, true, true],
      [true, { a: two, b: 1 }, true, true],
      [true, { a: 1, b: two }, true, true],
      [true, { a: 1, b: 2 }, true, true],
      [true, { a: 1, c: 1 }, true, true],
    ];
    const counts = (): number[] => calls.map((call) => (run(...call), f.count));
    expect(counts()).toEqual([1, 1, 2, 3, 4, 5, 6, 7]);
    expect(counts()).toEqual([7, 7, 7, 7, 7, 7, 7, 7]);
    expect(filterJit((a: unknown, b: unknown) => ops.sub(a as Tensor, b as Tensor))(x, 1).toArray()).toEqual([
      0, 1, 2,
    ]);
  });

  test('anew where a tensor and a number change places', () => {
    const minus = filterJit((a: Tensor | number, b: Tensor | number) =>
      a instanceof Tensor ? a.sub(b) : (b as Tensor).neg().add(a),
    );
    expect([minus(x, 2).toArray(), minus(2, x).toArray()]).toEqual([
      [-1, 0, 1],
      [1, 0, -1],
    ]);
  });

  test('for NaN once, for 0 and -0 each', () => {
    const f = counted((a: Tensor, k: number) => a.mul(k));
    const run = filterJit(f);
    expect([NaN, NaN, 0, -0, 0, -0].map((k) => (run(x, k), f.count))).toEqual([1, 1, 2, 3, 3, 3]);
  });

  test('for static fields by their content', () => {
    class Sized extends Module {
      static readonly fields = { sizes: field({ static: true }) };
      readonly sizes: readonly number[];
      constructor(sizes: readonly number[]) {
        super();
        this.sizes = sizes;
      }
    }
    const f = counted((m: Sized, a: Tensor) => a.reshape([...m.sizes]));
    const run = filterJit(f);
    for (const sizes of [[3], [3], [3, 1], [1, 3]]) run(new Sized(sizes), x);
    expect(f.count).toBe(3);
  });

  test('again after a failure, which leaves no program behind', () => {
    let fails = true;
    const f = counted((a: Tensor) => {
      if (fails) throw new RangeError('mine');
      return a;
    });
    const run = filterJit(f);
    expect(() => run(x)).toThrow('mine');
    fails = false;
    run(x);
    run(x);
    expect(f.count).toBe(2);
  });
});

describe('wrapped functions', () => {
  const f = (a: Tensor): Tensor => a.sum();

  test('are functions with the name of what they wrap', () => {
    const wrapped = filterVmap(filterGrad(f));
    expect([typeof wrapped, wrapped.name, wrapped instanceof Function]).toEqual(['function', 'f', true]);
    expect(wrapped.call(undefined, ops.ones([2, 3])).shape).toEqual([2, 3]);
  });

  test('are nodes: what they wrap is their child', () => {
    const wrapped = filterGrad(f);
    expect(leaves(wrapped)).toEqual([f]);
    const other = map((leaf: unknown) => (leaf === f ? (a: Tensor) => a.square().sum() : leaf), wrapped);
    expect(other(x).toArray()).toEqual([2, 4, 6]);
    expect(leaves(vmap(f))).toHaveLength(1);
  });
});

describe('explain', () => {
  const step = (
    model: { readonly w: Tensor; readonly k: number },
    a: Tensor,
    act: (a: Tensor) => Tensor = ops.relu,
  ) => act(model.w.mul(a).mul(model.k));
  const model = { w: x, k: 2 };

  test('says what tells a call from those that are compiled', () => {
    const run = filterJit(step);
    expect(run.explain(model, x)).toBe('filterJit(step): nothing is compiled yet; this call will be traced.');
    run(model, x);
    expect(run.explain(model, x)).toBe(
      'filterJit(step): this call is compiled, as number 1 of 1 program; it was traced first.',
    );
    const because =
      'filterJit(step): this call will be traced again. Of 1 program, the closest is number 1; what differs:\n';
    const cases: [Parameters<typeof step>, string][] = [
      [[model, ops.ones([1, 3])], '  argument 1: float32[3] before, float32[1,3] now'],
      [
        [{ w: x.to('float64'), k: 3 }, x],
        "  argument 0 at ['k']: 2 before, 3 now\n  argument 0 at ['w']: float32[3] before, float64[3] now",
      ],
      [[{ ...model, b: 1 } as never, x], '  argument 0: object {k, w} before, object {b, k, w} now'],
      [[model, x, ops.tanh], '  the arguments: array of 2 before, array of 3 now'],
    ];
    for (const [args, text] of cases) expect(run.explain(...args)).toBe(because + text);
  });

  test('says why a call was traced, afterwards too, and beside which of several programs', () => {
    const run = filterJit(step);
    clearCaches();
    const [one, other] = [(a: Tensor) => a.neg(), (a: Tensor) => a.neg()].map((g) =>
      Object.defineProperty(g, 'name', { value: 'act' }),
    );
    run(model, ops.ones([2, 3]), one);
    run(model, x, one);
    run(model, x, other);
    expect(run.explain(model, x, other)).toBe(
      'filterJit(step): this call is compiled, as number 3 of 3 programs. It was traced beside number 2 because what differs:\n' +
        '  argument 2: the function act before, another one (the function act) now; it counts by identity',
    );
  });

  test('names places in a module that is the function, its static fields, and not more than eight', () => {
    class Net extends Module {
      static readonly fields = { power: field({ static: true }) };
      readonly w: readonly Tensor[];
      readonly power: number;
      constructor(size: number, power: number) {
        super();
        this.w = Array.from({ length: 20 }, () => ops.zeros([size]));
        this.power = power;
      }
      forward(a: Tensor): Tensor {
        return a.pow(this.power).add(this.w[0]!);
      }
    }
    filterJit(new Net(3, 1))(x);
    expect(filterJit(new Net(1, 1)).explain(x)).toMatch(
      /\n {2}the function at \.w\[0\]: float32\[3\] before, float32\[1\] now\n[^]*\n {2}and 12 more$/,
    );
    expect(filterJit(new Net(3, 2)).explain(x)).toMatch(
      /the function: Net\(.*power=1\) before, Net\(.*power=2\) now$/,
    );
  });

  test('traces nothing, and refuses what a call would refuse', () => {
    const f = counted((a: Tensor) => a);
    jit(f).explain(x);
    expect(f.count).toBe(0);
    expect(() => jit(f).explain(3 as never)).toThrow('jit: expected tensors in argument 0, got 3.');
  });
});
