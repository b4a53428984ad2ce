import { scan } from '../../lib/control';
import { filter, isArray, isInexactArray, partition } from '../../lib/filter';
import {
  applyUpdates,
  field,
  type Field,
  Module,
  module,
  moduleUpdateWrapper,
  treeEqual,
} from '../../lib/module';
import * as nn from '../../lib/nn';
import * as random from '../../lib/random';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { filterGrad, filterJit, filterVmap } from '../../lib/transform';
import { leaves, map, treeAt, treeCheck } from '../../lib/tree';

// What Equinox's tests/test_module.py says of modules and transforms.
describe('a module that goes through transforms', () => {
  class Wrapper extends Module {
    readonly fn: unknown;
    constructor(fn: unknown) {
      super();
      this.fn = fn;
    }
    get wrapped(): unknown {
      return this.fn;
    }
  }

  test('keeps the name of what it wraps through a compiled function', () => {
    function original(x: Tensor): Tensor {
      return x;
    }
    const named = moduleUpdateWrapper(new Wrapper(original));
    const back = filterJit((m: Wrapper) => m)(named) as Wrapper & { name: string };
    expect(back.name).toBe('original');
    expect(String(back)).toBe('<wrapped function original>');
    expect(back.wrapped).toBe(original);
  });

  test('can be made in a vmap, and two ensembles made so fit each other', () => {
    const keys = random.split(random.key(0), 3);
    const make = filterVmap((key: random.Key) => new nn.Linear(2, 4, { key }));
    const [a, b] = [filter(make(keys), isArray), filter(make(keys), isArray)];
    expect(a.weight.shape).toEqual([3, 4, 2]);
    expect(a).toBeInstanceOf(nn.Linear);
    const sum = map((x: Tensor, y: Tensor) => x.add(y), a, b);
    expect(treeEqual(sum.weight, a.weight.mul(2))).toBe(true);
    const one = new nn.Linear(2, 4, { key: keys.index(1) });
    expect(
      treeEqual(
        map((x: Tensor) => x.index(1), a),
        filter(one, isArray),
      ),
    ).toBe(true);
  });

  test('runs neither constructor nor converter nor check inside', () => {
    const ran: string[] = [];
    const Counted = module(
      class Counted extends Module {
        static readonly fields: Readonly<Record<string, Field>> = {
          w: field({ converter: (x: number) => (ran.push('converter'), tensor(x)) }),
          n: field({ static: true }),
        };
        readonly w: Tensor;
        readonly n = 2;
        constructor(w: number) {
          super();
          ran.push('constructor');
          this.w = w as unknown as Tensor;
        }
        checkInit(): void {
          ran.push('check');
        }
        forward(x: Tensor): Tensor {
          return this.w.mul(x).mul(this.n);
        }
      },
    );
    const model = new Counted(3);
    const step = filterJit((m: typeof model, x: Tensor) =>
      applyUpdates(m, filterGrad((m: typeof model) => m.forward(x))(m)),
    );
    expect(step(model, tensor(5)).w.item()).toBe(13);
    expect(ran).toEqual(['constructor', 'converter', 'check']);
  });

  test('is compiled anew for another static field, and not for other tensors', () => {
    class Power extends Module {
      static readonly fields = { n: field({ static: true }) };
      readonly w: Tensor;
      readonly n: number;
      constructor(w: number, n: number) {
        super();
        this.w = tensor(w);
        this.n = n;
      }
    }
    let traces = 0;
    const run = filterJit((m: Power) => (traces++, m.w.pow(m.n)));
    expect([new Power(2, 2), new Power(3, 2), new Power(2, 3)].map((m) => run(m).item())).toEqual([4, 9, 8]);
    expect(traces).toBe(2);
  });

  test('may be made and changed inside a compiled function', () => {
    const made = filterJit((w: Tensor) => {
      const linear = new nn.Linear(1, 1, { key: random.key(0) });
      return treeAt((m) => m.weight, linear, w);
    })(tensor([[7]]));
    expect(made).toBeInstanceOf(nn.Linear);
    expect(made.weight.item()).toBe(7);
    expect(Object.isFrozen(made)).toBe(true);
  });

  test('that is changed inside a compiled function is an error with the right code', () => {
    class Counter extends Module {
      readonly count = tensor(0);
    }
    const bump = filterJit((m: Counter) => {
      (m as { count: Tensor }).count = m.count.add(1);
      return m;
    });
    expect(() => bump(new Counter())).toThrow(/Cannot assign .*'count'.*m = treeAt\(\(m\) => m\.x, m, y\)/);
  });

  test('differentiates what a partition keeps, and shares with the rest', () => {
    const mlp = new nn.MLP(2, 1, 4, 1, { key: random.key(0) });
    const [params, rest] = partition(mlp, isInexactArray);
    expect(leaves(params).every(isInexactArray)).toBe(true);
    expect(leaves(rest).some(isInexactArray)).toBe(false);
    expect(params).toBeInstanceOf(nn.MLP);
    expect(() => {
      treeCheck(mlp);
    }).not.toThrow();
    const grads = filterGrad((m: typeof mlp) => m.forward(tensor([1, 2])).sum())(mlp);
    expect(grads).toBeInstanceOf(nn.MLP);
    expect(leaves(grads)).toHaveLength(leaves(params).length);
  });
});

// equinox tests/test_module.py, test_module_as_scan_carry: a static field with a default, mapped inside of the body.
test('a module may be the carry, with static fields, and be mapped inside of the body', () => {
  class Scaled extends Module {
    static readonly fields = { power: field({ static: true }) };
    readonly power = 2;
    readonly weight: Tensor;
    constructor(weight: Tensor) {
      super();
      this.weight = weight;
    }
    forward(x: Tensor): Tensor {
      return x.pow(this.power).mul(this.weight);
    }
  }
  const body = (carry: Scaled, x: Tensor) => {
    const y = filterVmap(carry)(x);
    return [treeAt((one: Scaled) => one.weight, carry, carry.weight.add(1)), y] as const;
  };
  const xs = tensor([
    [1, 2],
    [3, 4],
  ]);
  for (const run of [scan, filterJit(scan) as typeof scan]) {
    const [last, ys] = run(body, new Scaled(tensor(1)), xs);
    expect(last).toBeInstanceOf(Scaled);
    expect([last.power, last.weight.item()]).toEqual([2, 3]);
    expect(ys.toArray()).toEqual([[1, 4], [18, 32]]); // prettier-ignore
  }
  const loss = (model: Scaled): Tensor => scan(body, model, xs)[1].sum();
  expect(filterGrad(loss)(new Scaled(tensor(1))).weight.item()).toBe(30);
});
