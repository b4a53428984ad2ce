import { inspect } from 'node:util';
import { ModuleError } from '../../lib/base/errors';
import { field, Module, module } from '../../lib/module';
import { flattenWithPath, keystr, leaves, map, structure, treeAt } from '../../lib/tree';

class Linear extends Module {
  static readonly fields = { size: field({ static: true }) };
  readonly weight: number;
  readonly bias: number | null;
  readonly size: number;

  constructor(weight: number, size = 1, bias: number | null = 0.5) {
    super();
    // Not in the order of declaration, to see that the declaration decides.
    this.size = size;
    this.bias = bias;
    this.weight = weight;
  }

  forward(x: number): number {
    return x * this.weight + (this.bias ?? 0);
  }
}

class Net extends Module {
  readonly layers: readonly Linear[];
  readonly scale: number;

  constructor() {
    super();
    this.layers = [new Linear(1), new Linear(2, 1, null)];
    this.scale = 3;
  }
}

describe('a module as a tree', () => {
  test('has its fields as children, in order of declaration, without the static ones', () => {
    expect(flattenWithPath(new Net())[0].map(([path, leaf]) => [keystr(path), leaf])).toEqual([
      ['.layers[0].weight', 1],
      ['.layers[0].bias', 0.5],
      ['.layers[1].weight', 2],
      ['.scale', 3],
    ]);
  });

  test('has the fields of the base class first', () => {
    class Base extends Module {
      readonly b = 1;
    }
    class Derived extends Base {
      readonly a = 2;
    }
    expect(leaves(new Derived())).toEqual([1, 2]);
  });

  test('is built again without its constructor, with class, methods and static fields', () => {
    let constructed = 0;
    class Counted extends Module {
      readonly x = 1;
      constructor() {
        super();
        constructed++;
      }
    }
    const again = map((x: number) => x + 1, new Counted());
    expect(again).toBeInstanceOf(Counted);
    expect(again.x).toBe(2);
    expect(constructed).toBe(1);
    const linear = map((x: number) => x * 2, new Linear(1, 7));
    expect(linear.forward(10)).toBe(21);
    expect(linear.size).toBe(7);
    expect(Object.keys(linear)).toEqual(['weight', 'bias', 'size']);
  });

  test('has the static fields in its structure', () => {
    expect(structure(new Linear(1, 7)).equals(structure(new Linear(2, 7)))).toBe(true);
    expect(structure(new Linear(1, 7)).equals(structure(new Linear(1, 8)))).toBe(false);
    expect(structure(new Linear(1, 7)).hash).toBe(structure(new Linear(2, 7)).hash);
    expect(structure(new Linear(1, 7)).hash).not.toBe(structure(new Linear(1, 8)).hash);
    expect(structure(new Linear(1, 7)).toString()).toBe('Structure(Linear(weight=*, bias=*, size=7))');
    expect(() => map((x: number) => x, new Linear(1, 7), new Linear(1, 8))).toThrow(
      'tree.map: expected Linear(weight=*, bias=*, size=7), got Linear(weight=*, bias=*, size=8) at the root.',
    );
  });

  test('differs from another class with the same fields', () => {
    class Other extends Linear {}
    expect(structure(new Linear(1)).equals(structure(new Other(1)))).toBe(false);
  });

  test('compares static arrays and objects by content, and keeps frozen copies of them', () => {
    class Conv extends Module {
      static readonly fields = { kernel: field({ static: true }), options: field({ static: true }) };
      readonly kernel: number[];
      readonly options: { readonly pad: number[] };
      constructor(kernel: number[]) {
        super();
        this.kernel = kernel;
        this.options = { pad: [0] };
      }
    }
    const given = [3, 3];
    const conv = new Conv(given);
    const before = structure(conv);
    expect(before.equals(structure(new Conv([3, 3])))).toBe(true);
    given.push(4);
    expect(conv.kernel).toEqual([3, 3]);
    expect(() => conv.kernel.push(1)).toThrow(TypeError);
    expect(() => conv.options.pad.push(1)).toThrow(TypeError);
    expect(structure(conv).equals(before)).toBe(true);
  });

  test('may have optional fields that some instances lack', () => {
    class Maybe extends Module {
      declare readonly extra?: number;
      readonly x = 1;
      constructor(extra?: number) {
        super();
        if (extra !== undefined) this.extra = extra;
      }
    }
    expect(Object.keys(map((x: number) => x, new Maybe()))).toEqual(['x']);
    expect(leaves(map((x: number) => x, new Maybe(2)))).toEqual([1, 2]);
    expect(structure(new Maybe()).equals(structure(new Maybe(2)))).toBe(false);
  });

  test('may have a field with the name of a method or accessor of a base class', () => {
    class Base extends Module {
      get size(): unknown {
        return this.forward();
      }
      forward(): number {
        return 1;
      }
    }
    const node = new Base();
    Object.defineProperty(node, 'size', { value: 5, enumerable: true, writable: true, configurable: true });
    expect(map((x: number) => x + 1, node).size).toBe(6);
  });
});

describe('freezing', () => {
  test('happens when a module first enters a tree function, for every module inside', () => {
    const net = new Net();
    expect(Object.isFrozen(net)).toBe(false);
    leaves([net]);
    expect(Object.isFrozen(net)).toBe(true);
    expect(Object.isFrozen(net.layers[0])).toBe(true);
    expect(Object.isFrozen(map((x: number) => x, net))).toBe(true);
  });

  test('makes assignments errors that point to treeAt', () => {
    const net = new Net();
    leaves(net);
    expect(() => {
      (net as { scale: number }).scale = 2;
    }).toThrow(
      "Cannot assign to read only property 'scale' of object '[object Module (frozen; instead of `m.x = y` write `m = treeAt((m) => m.x, m, y)`)]'",
    );
    expect(treeAt((m) => m.scale, net, 2).scale).toBe(2);
    expect(net.scale).toBe(3);
  });

  test('leaves no trace among the properties', () => {
    const net = new Net();
    leaves(net);
    expect(Reflect.ownKeys(net)).toEqual(['layers', 'scale']);
    expect(Reflect.ownKeys(map((x: number) => x, net))).toEqual(['layers', 'scale']);
  });

  test('lets fields be set again before', () => {
    const net = new Net();
    (net as { scale: number }).scale = 4;
    expect(leaves(net).at(-1)).toBe(4);
  });
});

describe('converters', () => {
  test('run once, when construction ends, and never for trees built again', () => {
    const seen: unknown[] = [];
    class Base extends Module {
      static readonly fields: Record<string, ReturnType<typeof field>> = {
        x: field({ converter: (x: number) => (seen.push(x), x * 2) }),
      };
      readonly x: number;
      readonly raw: number;
      constructor(x: number) {
        super();
        this.x = x;
        this.raw = this.x;
      }
    }
    class Derived extends Base {
      static override readonly fields = { y: field({ converter: String }) };
      readonly y = 5;
    }
    expect(leaves(new Derived(3))).toEqual([6, 3, '5']);
    const node = new Derived(4);
    leaves(
      map(
        (x: unknown) => x,
        map((x: unknown) => x, node),
      ),
    );
    expect(node.x).toBe(8);
    expect(seen).toEqual([3, 4]);
  });

  test('apply to static fields, too', () => {
    class Sized extends Module {
      static readonly fields = {
        size: field({ static: true, converter: (n: number | number[]) => (Array.isArray(n) ? n : [n, n]) }),
      };
      readonly size: number | number[] = 3;
    }
    const node = new Sized();
    leaves(node);
    expect(node.size).toEqual([3, 3]);
  });
});

describe('checkInit', () => {
  test('runs for each class, the most derived first, and may not assign', () => {
    const order: string[] = [];
    class Base extends Module {
      readonly x: number = 1;
      checkInit(): void {
        order.push('base');
        expect(() => {
          (this as { x: number }).x = 2;
        }).toThrow(TypeError);
      }
    }
    class Derived extends Base {
      override checkInit(): void {
        order.push('derived');
      }
    }
    class Last extends Derived {}
    leaves(new Last());
    expect(order).toEqual(['derived', 'base']);
  });

  test('throws again each time when it failed, and leaves the module unfinished', () => {
    let converted = 0;
    class Checked extends Module {
      static readonly fields = { x: field({ converter: (x: number) => (converted++, x + 1) }) };
      readonly x: number;
      constructor(x: number) {
        super();
        this.x = x;
      }
      checkInit(): void {
        if (this.x < 0) throw new RangeError('x must not be negative');
      }
    }
    const bad = new Checked(-5);
    expect(() => leaves(bad)).toThrow(RangeError);
    expect(() => leaves(bad)).toThrow(RangeError);
    expect(bad.x).toBe(-5);
    (bad as { x: number }).x = 1;
    expect(leaves(bad)).toEqual([2]);
    expect(converted).toBe(3);
  });
});

describe('the module decorator', () => {
  @module
  class Checked extends Module {
    static readonly fields = { x: field({ converter: (x: number) => x * 2 }), n: field({ static: true }) };
    static made = 0;
    readonly x: number;
    readonly n: number;
    constructor(x: number, n = 1) {
      super();
      this.x = x;
      this.n = n;
      Checked.made++;
    }
    checkInit(): void {
      if (this.x < 0) throw new RangeError('x must not be negative');
    }
  }

  test('finishes instances right after construction', () => {
    const node = new Checked(2);
    expect(node.x).toBe(4);
    expect(Object.isFrozen(node)).toBe(true);
    expect(() => new Checked(-1)).toThrow('x must not be negative');
  });

  test('keeps name, statics, prototype and instanceof', () => {
    const before = Checked.made;
    const node = new Checked(1);
    expect(Checked.made).toBe(before + 1);
    expect(Checked.name).toBe('Checked');
    expect(node).toBeInstanceOf(Checked);
    expect(node.constructor).toBe(Checked);
    expect(map((x: number) => x + 1, node)).toBeInstanceOf(Checked);
    expect(String(node)).toBe('Checked(x=2, n=1)');
  });

  test('finishes subclasses after the most derived constructor, if they are decorated, too', () => {
    class Plain extends Checked {
      readonly y: number;
      constructor(y: number) {
        super(1);
        this.y = y;
      }
    }
    const Finished = module(class Finished extends Plain {});
    expect(Object.isFrozen(new Plain(5))).toBe(false);
    expect(leaves(new Plain(5))).toEqual([2, 5]);
    expect(Object.isFrozen(new Finished(6))).toBe(true);
    expect(leaves(new Finished(6))).toEqual([2, 6]);
  });

  test('refuses a class that is no module', () => {
    expect(() => module(Date as never)).toThrow(
      new ModuleError('module: expected a class that extends Module, got Date.'),
    );
  });
});

test('field refuses an unknown option', () => {
  expect(() => field({ statik: true } as never)).toThrow(
    'field: expected the options static and converter, got "statik".',
  );
});

describe('printing', () => {
  test('shows every field, through String, template strings and inspect', () => {
    const text = 'Linear(weight=1, bias=null, size=2)';
    const linear = new Linear(1, 2, null);
    expect(String(linear)).toBe(text);
    expect(inspect(linear)).toBe(text);
    expect(inspect({ linear })).toBe(`{ linear: ${text} }`);
    expect(inspect([[[linear]]])).toBe('[ [ [ Linear(...) ] ] ]');
  });

  test('indents what does not fit on one line as Node does its own', () => {
    class Wide extends Module {
      readonly text = 'x'.repeat(30);
      readonly other = 'y'.repeat(50);
    }
    const lines = String(new Wide()).split('\n');
    expect(lines).toHaveLength(4);
    const [first, ...rest] = lines;
    expect(inspect({ a: { wide: new Wide() } }, { compact: false })).toBe(
      ['{', '  a: {', `    wide: ${first}`, ...rest.map((line) => `    ${line}`), '  }', '}'].join('\n'),
    );
  });

  test('does not end the construction', () => {
    class Chatty extends Module {
      readonly x: number;
      readonly text: string;
      constructor() {
        super();
        this.x = 1;
        this.text = String(this);
      }
    }
    expect(leaves(new Chatty())).toEqual([1, 'Chatty(x=1, text=undefined)']);
  });
});
