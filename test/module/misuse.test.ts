import { ModuleError } from '../../lib/base/errors';
import { field, Module, module } from '../../lib/module';
import { full } from '../../lib/ops';
import * as nn from '../../lib/nn';
import * as random from '../../lib/random';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  checkpoint,
  customJvp,
  customVjp,
  Enumeration,
  filterJit,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  valueAndGrad,
  vmap,
} from '../../lib/transform';
import { leaves } from '../../lib/tree';
import { thrown } from '../support/thrown';

/** The message of the ModuleError that finishing throws. */
function misuse(make: () => unknown): string {
  const error = thrown(() => leaves(make()));
  expect(error).toBeInstanceOf(ModuleError);
  return error.message;
}

function lines(...text: readonly string[]): string {
  return text.join('\n');
}

describe('mistakes of a class are refused with the code as it is and as it should be', () => {
  test('a field of `static fields` without a value', () => {
    class Unset extends Module {
      static readonly fields = { size: field({ static: true }) };
      declare readonly size: number;
      readonly x = 1;
    }
    expect(misuse(() => new Unset())).toBe(
      lines(
        'Unset: expected the constructor to set every field that `static fields` names, got nothing for .size. A field that a ' +
          'subclass declares once more is reset by JavaScript; null stands for no value.',
        '',
        '  // Wrong',
        '  static fields = { size: field({ static: true }) };',
        '  constructor(size) {',
        '    super();',
        '  }',
        '',
        '  // Right',
        '  static fields = { size: field({ static: true }) };',
        '  constructor(size) {',
        '    super();',
        '    this.size = size;',
        '  }',
      ),
    );
  });

  test('a field that a subclass declares once more', () => {
    class Base extends Module {
      static readonly fields = { size: field({ static: true }) };
      readonly size: number = 3;
    }
    class Derived extends Base {
      // @ts-expect-error TypeScript sees it where the constructor does not set it
      override readonly size: number;
    }
    expect(misuse(() => new Derived())).toContain('got nothing for .size');
  });

  test('`static fields` of something else than field()', () => {
    class Wrong extends Module {
      static readonly fields = { size: true };
      readonly size = 1;
    }
    expect(misuse(() => new Wrong())).toBe(
      lines(
        'Wrong.fields.size: expected a value made by `field(...)`, got boolean.',
        '',
        '  // Wrong',
        '  static fields = { size: true };',
        '',
        '  // Right',
        '  static fields = { size: field({ static: true }) };',
      ),
    );
  });

  test('`static fields` that are no object', () => {
    class Listed extends Module {
      static readonly fields = ['size'];
      readonly size = 1;
    }
    expect(misuse(() => new Listed())).toBe(
      lines(
        'Listed.fields: expected an object with a value made by `field(...)` for each field, got an array.',
        '',
        '  // Wrong',
        "  static fields = ['size'];",
        '',
        '  // Right',
        '  static fields = { size: field({ static: true }) };',
      ),
    );
  });

  test('options of field() of other types', () => {
    expect(() => field({ static: 'yes' as never })).toThrow(
      'field: expected static to be a boolean, got string.',
    );
    expect(() => field({ converter: 3 as never })).toThrow(
      'field: expected converter to be a function, got number.',
    );
  });

  test('private names that are only read from another instance', () => {
    class Compared extends Module {
      #size = 1;
      readonly x = 1;
      isLike(other: Compared): boolean {
        return other.#size === 1;
      }
    }
    expect(misuse(() => new Compared())).toContain('got #size.');
  });

  test('an own method in a field', () => {
    class Stored extends Module {
      readonly act: () => number;
      constructor() {
        super();
        // eslint-disable-next-line @typescript-eslint/unbound-method -- the mistake that the test is about
        this.act = this.forward;
      }
      forward(): number {
        return 1;
      }
    }
    expect(misuse(() => new Stored())).toBe(
      lines(
        'Stored: expected fields that are no methods of their own module, got forward at .act. Without the module that ' +
          'it belongs to a method has no parameters.',
        '',
        '  // Wrong',
        '  constructor() {',
        '    super();',
        '    this.act = this.forward;',
        '  }',
        '',
        '  // Right',
        '  act(...args) {',
        '    return this.forward(...args);',
        '  }',
      ),
    );
  });

  test('a method of a base class, also by way of its constructor', () => {
    class Base extends Module {
      readonly act: () => number;
      constructor() {
        super();
        // eslint-disable-next-line @typescript-eslint/unbound-method -- the mistake that the test is about
        this.act = this.forward;
      }
      forward(): number {
        return 1;
      }
    }
    class Derived extends Base {
      override forward(): number {
        return 2;
      }
    }
    expect(misuse(() => new Derived())).toContain('got forward at .act');
  });

  test('an arrow function that uses the `this` of its class', () => {
    class Arrow extends Module {
      readonly weight = 3;
      readonly forward = (x: number): number => x * this.weight; // "this" would be the first model for ever
    }
    expect(misuse(() => new Arrow())).toBe(
      lines(
        'Arrow: expected methods to be declared as methods, got a function at .forward that uses `this`. It would go on ' +
          'using the parameters of the module that it was made in, also in the copies that gradients, updates and ' +
          '`treeAt` make.',
        '',
        '  // Wrong',
        '  forward = (x) => this.weight.mul(x);',
        '',
        '  // Right',
        '  forward(x) {',
        '    return this.weight.mul(x);',
        '  }',
      ),
    );
    class Set extends Module {
      readonly weight = 3;
      readonly run: (x: number) => Promise<number>;
      constructor() {
        super();
        this.run = async (x) => Promise.resolve(x * this.weight);
      }
    }
    class Derived extends Set {}
    expect(misuse(() => new Derived())).toContain('got a function at .run that uses `this`');
  });

  test('but not arrow functions from elsewhere, or without `this`, or around functions with their own', () => {
    class Trainer {
      readonly scale = 2;
      readonly times = (x: number): number => x * this.scale;
    }
    class Right extends Module {
      readonly times = new Trainer().times;
      readonly plain = (x: number): number => x + 1; // not this
      readonly text = (): string => 'this';
      readonly inner = () =>
        function (this: unknown) {
          return this;
        };
      readonly method = Math.abs;
    }
    expect(leaves(new Right())).toHaveLength(5);
  });

  test('private names, but not static ones', () => {
    class Hidden extends Module {
      #cache = 1;
      readonly x = 1;
      read(): number {
        return this.#cache;
      }
    }
    expect(misuse(() => new Hidden())).toBe(
      lines(
        'Hidden: expected no private names, got #cache. Modules are rebuilt without their constructor, which would lose ' +
          "it; so is the storage behind `accessor`. TypeScript's `private` is only checked, and works.",
        '',
        '  // Wrong',
        '  #cache;',
        '',
        '  // Right',
        '  private readonly _cache;',
      ),
    );
    class Counting extends Module {
      static #count = 0;
      readonly x: number;
      constructor() {
        super();
        this.x = ++Counting.#count; // unlike this.#count
      }
    }
    expect(leaves(new Counting())).toEqual([1]);
  });

  test('private methods, and private names as compilers write them for older JavaScript', () => {
    class Helped extends Module {
      readonly x = 1;
      read(): number {
        return this.#help();
      }
      #help(): number {
        return this.x;
      }
    }
    expect(misuse(() => new Helped())).toContain('got #help.');
    const store = new WeakMap<object, number>();
    const __classPrivateFieldGet = (node: object, from: WeakMap<object, number>, _kind: string) =>
      from.get(node);
    const _Old_cache = store;
    class Old extends Module {
      constructor() {
        super();
        _Old_cache.set(this, 1);
      }
      read(): unknown {
        return __classPrivateFieldGet(this, _Old_cache, "f"); // prettier-ignore
      }
    }
    expect(new Old().read()).toBe(1);
    expect(misuse(() => new Old())).toContain('got #cache.');
  });

  test('accessors on the instance, but not on the class', () => {
    class Computed extends Module {
      readonly x = 1;
      constructor() {
        super();
        Object.defineProperty(this, 'twice', { get: () => 2 * this.x, enumerable: true });
      }
    }
    expect(misuse(() => new Computed())).toBe(
      lines(
        'Computed: expected fields with values, got an accessor of the instance at .twice. The copies that transforms ' +
          'make would lose it.',
        '',
        '  // Wrong',
        "  Object.defineProperty(this, 'twice', { get: () => compute(this) });",
        '',
        '  // Right',
        '  get twice() {',
        '    return compute(this);',
        '  }',
      ),
    );
    class Getter extends Module {
      readonly x = 1;
      get twice(): number {
        return 2 * this.x;
      }
    }
    expect(leaves(new Getter())).toEqual([1]);
  });

  test('symbols as names of fields', () => {
    const secret = Symbol('secret');
    class Odd extends Module {
      readonly [secret] = 1;
    }
    expect(misuse(() => new Odd())).toBe(
      lines(
        'Odd: expected fields with string names, got Symbol(secret). Paths and files know fields by their names.',
        '',
        '  // Wrong',
        '  this[key] = value;',
        '',
        '  // Right',
        '  this.name = value;',
      ),
    );
  });

  test('a forgotten super(), where the class is decorated', () => {
    @module
    class Lazy extends Module {
      readonly x: number;
      // @ts-expect-error TypeScript sees it, too
      constructor() {
        // @ts-expect-error TypeScript sees it, too
        this.x = 1;
      }
    }
    const error = thrown(() => new Lazy());
    expect(error.cause).toBeInstanceOf(ReferenceError);
    expect(error.message).toBe(
      lines(
        'Lazy: expected the constructor to call super() before it uses `this`.',
        '',
        '  // Wrong',
        '  class Lazy extends Module {',
        '    constructor(weight) {',
        '      this.weight = weight;',
        '    }',
        '  }',
        '',
        '  // Right',
        '  class Lazy extends Module {',
        '    constructor(weight) {',
        '      super();',
        '      this.weight = weight;',
        '    }',
        '  }',
      ),
    );
  });
});

describe('mistakes that may be meant are warnings', () => {
  let emitWarning: jest.SpyInstance;
  beforeEach(() => {
    emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  });
  afterEach(() => {
    emitWarning.mockRestore();
  });

  test('once for a static field that holds a tensor, also inside a container', () => {
    class Wrong extends Module {
      static readonly fields = { scale: field({ static: true }) };
      readonly scale = [1, full([2], 1)];
    }
    leaves(new Wrong());
    leaves(new Wrong());
    expect(emitWarning.mock.calls).toEqual([
      [
        lines(
          'Wrong: the static field .scale holds a tensor. Static fields are compared, not traced: it gets no ' +
            'gradient, and a compiled function keeps its value.',
          '',
          '  // Wrong',
          '  static fields = { scale: field({ static: true }) };',
          '  scale = ones([2]);',
          '',
          '  // Right',
          '  scale = ones([2]); // not in `static fields`; or a number, an array or a string that is',
        ),
        'EquinodeWarning',
      ],
    ]);
  });

  test('for a bound method in a field', () => {
    class Bound extends Module {
      readonly act: () => number;
      constructor() {
        super();
        this.act = this.forward.bind(this);
      }
      forward(): number {
        return 1;
      }
    }
    leaves(new Bound());
    expect(emitWarning.mock.calls).toEqual([
      [
        lines(
          'Bound: the field .act holds a bound method (bound forward). What a bound function holds is hidden ' +
            'from transforms: its tensors get no gradients.',
          '',
          '  // Wrong',
          '  this.act = layer.forward.bind(layer);',
          '',
          '  // Right',
          "  this.act = bind(layer, 'forward'); // or keep the layer, and call its method",
        ),
        'EquinodeWarning',
      ],
    ]);
  });

  test('for what a raw transform made of a module with arrays, also under another transform', () => {
    class Scale extends Module {
      readonly weight = full([], 2);
      forward(x: Tensor): Tensor {
        return x.mul(this.weight);
      }
    }
    class Holding extends Module {
      readonly act: unknown;
      constructor(act: unknown) {
        super();
        this.act = act;
      }
    }
    leaves(new Holding(jit(new Scale())));
    expect(emitWarning.mock.calls).toEqual([
      [
        lines(
          'Holding: the field .act holds what the raw transform jit made of a module. What it wraps is hidden from ' +
            'transforms: its tensors get no gradients and no updates, and are not saved.',
          '',
          '  // Wrong',
          '  this.act = jit(layer);',
          '',
          '  // Right',
          '  this.act = filterJit(layer); // or keep the layer, and transform where it is called',
        ),
        'EquinodeWarning',
      ],
    ]);
    for (const wrapped of [
      jacfwd(new Scale()),
      jacrev(new Scale()),
      hessian(new Scale()),
      checkpoint(new Scale()),
      customJvp(new Scale()),
      customVjp(new Scale()),
      grad(new Scale()),
      vmap(new Scale()),
      valueAndGrad(new Scale()),
      jit(grad(new Scale())),
    ]) {
      // A class of its own for each: a field is warned of once.
      class Other extends Module {
        readonly act = wrapped;
      }
      Object.defineProperty(Other, 'name', { value: `Other${emitWarning.mock.calls.length}` });
      leaves(new Other());
    }
    const texts = emitWarning.mock.calls.map(([text]: [string]) => /raw transform (\w+)/.exec(text)?.[1]);
    expect(texts).toEqual([
      'jit',
      'jacfwd',
      'jacrev',
      'hessian',
      'checkpoint',
      'customJvp',
      'customVjp',
      'grad',
      'vmap',
      'valueAndGrad',
      'jit',
    ]);
  });

  test('but not for raw transforms of functions, nor for filtered ones, whose modules are children', () => {
    class Fine extends Module {
      readonly a = jit((x: Tensor) => x);
      readonly b = filterJit(new nn.Linear(1, 1, { key: random.key(0) }));
    }
    expect(leaves(new Fine())).toHaveLength(3);
    expect(emitWarning).not.toHaveBeenCalled();
  });

  test('for tensors in a Set or in an object of another class', () => {
    class Cache {
      readonly values = [full([1], 1)];
    }
    class Hiding extends Module {
      readonly set = new Set([full([1], 1)]);
      readonly cache = new Cache();
      static readonly fields = { fixed: field({ static: true }) };
      readonly fixed = new Cache();
      readonly kinds = new Enumeration('Kinds', { a: 'A' });
      readonly date = new Date(0);
      readonly names = new Set(['a']);
    }
    expect(leaves(new Hiding())).toHaveLength(5);
    expect(emitWarning.mock.calls.map(([text]: [string]) => text)).toEqual([
      lines(
        'Hiding: the field .set holds tensors in a Set, which is a leaf: transforms do not see what is in it. Its ' +
          'tensors get no gradients and no updates, and are not saved.',
        '',
        '  // Wrong',
        '  this.set = new Set([ones([2])]);',
        '',
        '  // Right',
        '  this.set = [ones([2])];',
      ),
      lines(
        'Hiding: the field .cache holds tensors in an object of the class Cache, which is a leaf: transforms do not see ' +
          'what is in it. Its tensors get no gradients and no updates, and are not saved.',
        '',
        '  // Wrong',
        '  class Cache {}',
        '  this.cache = new Cache(ones([2]));',
        '',
        '  // Right',
        '  class Cache extends Module {} // or tree.register(Cache, ...); or an array, an object, a Map',
        '  this.cache = new Cache(ones([2]));',
      ),
    ]);
  });

  test('for a Promise', () => {
    class Late extends Module {
      readonly weight = Promise.resolve(full([1], 1));
    }
    leaves(new Late());
    expect(emitWarning.mock.calls.map(([text]: [string]) => text)).toEqual([
      lines(
        'Late: the field .weight holds a Promise, which is a leaf: transforms do not see what it will give. A constructor ' +
          'cannot wait for it.',
        '',
        '  // Wrong',
        '  this.weight = load(path);',
        '',
        '  // Right',
        '  static async load(path) {',
        '    return new Late(await load(path));',
        '  }',
      ),
    ]);
  });

  test('and none comes for tensors in other fields, or for other static values', () => {
    class Right extends Module {
      static readonly fields = { size: field({ static: true }) };
      readonly size = [1, { a: 'x' }];
      readonly weight = full([2], 1);
      readonly act = Math.abs;
    }
    leaves(new Right());
    expect(emitWarning).not.toHaveBeenCalled();
  });
});
