import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Module, field, treePformat, treePprint } from '../../lib/module';
import { full } from '../../lib/ops';
import type { DType } from '../../lib/base/dtype';
import type { Tensor } from '../../lib/tensor/tensor';
import { ShapeDtypeStruct } from '../../lib/tensor/shape-dtype-struct';
import { filterJit, filterVmap } from '../../lib/transform';
import { register } from '../../lib/tree';

const zeros = (shape: number[], dtype: DType = 'float32'): Tensor => full(shape, 0, { dtype });

class Linear extends Module {
  static readonly fields = { in_features: field({ static: true }), out_features: field({ static: true }) };
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly in_features: number;
  readonly out_features: number;
  readonly use_bias: boolean;

  constructor(weight: Tensor, bias: Tensor | null, sizes: readonly [number, number]) {
    super();
    this.weight = weight;
    this.bias = bias;
    [this.in_features, this.out_features] = sizes;
    this.use_bias = true;
  }
}

class MLP extends Module {
  readonly layers: readonly Linear[];
  readonly width_size: number;
  readonly depth: number;

  constructor() {
    super();
    this.layers = [
      new Linear(zeros([4, 2]), zeros([4]), [2, 4]),
      new Linear(zeros([2, 4], 'bfloat16'), zeros([], 'bool'), [4, 2]),
    ];
    this.width_size = 4;
    this.depth = 1;
  }
}

describe('treePformat', () => {
  // The three texts are those of equinox.tree_pformat(model, width=...) for Equinox modules of the same fields,
  // equinox 0.13.8 with wadler_lindig, but for `true`, which Python writes `True`.
  test('lays out as Equinox does, on one line where it fits', () => {
    expect(treePformat(new MLP(), { width: 200 })).toBe(
      'MLP(\n  layers=[Linear(weight=f32[4,2], bias=f32[4], in_features=2, out_features=4, use_bias=true), ' +
        'Linear(weight=bf16[2,4], bias=bool[], in_features=4, out_features=2, use_bias=true)],\n' +
        '  width_size=4,\n  depth=1\n)',
    );
  });

  test('puts the fields of a module on one indented line where that suffices', () => {
    expect(treePformat(new MLP())).toBe(
      [
        'MLP(',
        '  layers=[',
        '    Linear(',
        '      weight=f32[4,2], bias=f32[4], in_features=2, out_features=4, use_bias=true',
        '    ),',
        '    Linear(',
        '      weight=bf16[2,4],',
        '      bias=bool[],',
        '      in_features=4,',
        '      out_features=2,',
        '      use_bias=true',
        '    )',
        '  ],',
        '  width_size=4,',
        '  depth=1',
        ')',
      ].join('\n'),
    );
  });

  test('puts each field on its own line where it must', () => {
    expect(treePformat(new MLP(), { width: 40, indent: 4 })).toBe(
      [
        'MLP(',
        '    layers=[',
        '        Linear(',
        '            weight=f32[4,2],',
        '            bias=f32[4],',
        '            in_features=2,',
        '            out_features=4,',
        '            use_bias=true',
        '        ),',
        '        Linear(',
        '            weight=bf16[2,4],',
        '            bias=bool[],',
        '            in_features=4,',
        '            out_features=2,',
        '            use_bias=true',
        '        )',
        '    ],',
        '    width_size=4,',
        '    depth=1',
        ')',
      ].join('\n'),
    );
  });

  test.each<[unknown, string]>([
    [{ a: [1, 2.5, 'x'], b: {}, c: [] }, "{'a': [1, 2.5, 'x'], 'b': {}, 'c': []}"],
    [[null, undefined, true, 3n, -0], '[null, undefined, true, 3n, -0]'],
    [[Math.abs, MLP, () => 1], '[<function abs>, <class MLP>, <function>]'],
    [
      new Map<unknown, unknown>([
        ['k', 1],
        [2, [3]],
      ]),
      "Map({'k': 1, 2: [3]})",
    ],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [zeros([2, 3], 'int64'), 'i64[2,3]'],
    [zeros([], 'complex64'), 'c64[]'],
    [
      new Linear(zeros([1]), null, [1, 1]),
      'Linear(weight=f32[1], bias=null, in_features=1, out_features=1, use_bias=true)',
    ],
  ])('prints %#', (value, text) => {
    expect(treePformat(value, { width: 100 })).toBe(text);
  });

  test('prints registered classes by their children', () => {
    class Interval {
      readonly low: unknown;
      readonly high: unknown;
      constructor(low: unknown, high: unknown) {
        this.low = low;
        this.high = high;
      }
    }
    register(Interval, {
      flatten: (x) => [[x.low, x.high]],
      unflatten: ([low, high]) => new Interval(low, high),
      names: () => ['low', 'high'],
    });
    expect(treePformat(new Interval(zeros([1]), [2]))).toBe('Interval(low=f32[1], high=[2])');
  });

  test('leaves out what truncateLeaf asks to', () => {
    expect(
      treePformat([new Linear(zeros([1]), null, [1, 1]), 1], { truncateLeaf: (x) => x instanceof Linear }),
    ).toBe('[Linear(...), 1]');
    expect(treePformat([[1], 2], { truncateLeaf: (x) => Array.isArray(x) && x[0] === 1 })).toBe(
      '[array(...), 2]',
    );
  });

  test('prints what filtered transforms return by what they wrap', () => {
    function f(x: Tensor): Tensor {
      return x;
    }
    expect(treePformat([filterJit(f), filterVmap(filterJit(f)), filterJit((x: Tensor) => x)])).toBe(
      '[<wrapped function f>, <wrapped function f>, <wrapped function>]',
    );
    class Model extends Module {
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    expect(treePformat({ a: filterJit(new Model()) })).toBe("{'a': <wrapped function Model>}");
  });

  test('prints a ShapeDtypeStruct, as a tensor where that is asked for', () => {
    const struct = new ShapeDtypeStruct([2, 3], 'float32');
    // jax: ShapeDtypeStruct(shape=(2, 3), dtype=float32); equinox.tree_pformat(..., struct_as_array=True): f32[2,3]
    expect(treePformat([struct])).toBe('[ShapeDtypeStruct(shape=[2, 3], dtype=float32)]');
    expect(treePformat([struct], { structAsArray: true })).toBe('[f32[2,3]]');
  });

  test('marks cycles, disposed tensors and what is too deep', () => {
    const cycle: unknown[] = [1];
    cycle.push({ again: cycle });
    expect(treePformat(cycle)).toBe("[1, {'again': <recursive>}]");
    const shared = [1];
    expect(treePformat([shared, shared])).toBe('[[1], [1]]');
    const gone = zeros([1]);
    gone.dispose();
    expect(treePformat(gone)).toBe('<disposed tensor>');
    let deep: unknown = 1;
    for (let i = 0; i < 10_000; i++) deep = [deep];
    expect(treePformat(deep)).toContain('...');
  });

  test.each([
    [{ width: NaN }, 'expected a width of 0 columns or more, got NaN.'],
    [{ width: '80' }, 'expected a width of 0 columns or more, got 80.'],
    [{ indent: -1 }, 'expected an indent that is a whole number from 0 on, got -1.'],
    [{ truncateLeaf: 3 }, 'expected truncateLeaf to be a function, got 3.'],
    [{ columns: 3 }, 'got "columns".'],
    [null, 'got null.'],
  ])('refuses %p', (options, message) => {
    expect(() => treePformat([1], options as never)).toThrow(message);
  });

  test('indents text of several lines', () => {
    class Note {
      toString(): string {
        return 'note';
      }
    }
    Object.defineProperty(Note.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value: () => 'N(\n  x\n)',
    });
    expect(treePformat([new Note(), 2], { width: 5 })).toBe('[\n  N(\n    x\n  ),\n  2\n]');
  });
});

/** A tree as scripts/fixtures/pformat.py describes it. */
type Described =
  | string
  | number
  | boolean
  | null
  | { readonly list: readonly Described[] }
  | { readonly dict: readonly (readonly [string, Described])[] }
  | { readonly tensor: readonly [DType, number[]] }
  | { readonly function: string }
  | {
      readonly module: readonly [
        name: string,
        fields: readonly (readonly [string, Described, isStatic: boolean])[],
      ];
    };

function build(tree: Described): unknown {
  if (typeof tree !== 'object' || tree === null) return tree;
  if ('list' in tree) return tree.list.map(build);
  if ('dict' in tree) return Object.fromEntries(tree.dict.map(([key, item]) => [key, build(item)]));
  if ('tensor' in tree) return zeros(tree.tensor[1], tree.tensor[0]);
  if ('function' in tree) return { [tree.function]: () => 1 }[tree.function];
  const [name, fields] = tree.module;
  const statics = fields.filter(([, , isStatic]) => isStatic).map(([field]) => field);
  const Class = {
    [name]: class extends Module {
      static readonly fields = Object.fromEntries(statics.map((each) => [each, field({ static: true })]));
    },
  }[name]!;
  return Object.assign(new Class(), Object.fromEntries(fields.map(([key, item]) => [key, build(item)])));
}

interface Golden {
  readonly tree: Described;
  readonly width: number;
  readonly indent: number;
  readonly truncate: readonly string[];
  readonly text: string;
}

describe('treePformat lays out as equinox.tree_pformat', () => {
  const lines = readFileSync(join(__dirname, '../fixtures/module/pformat.jsonl'), 'utf8').trim().split('\n');
  const cases = lines.map((line) => JSON.parse(line) as Golden);

  test.each([10, 30, 50, 80, 120])('in %i columns', (width) => {
    const found = cases.filter((one) => one.width === width);
    expect(found.length).toBeGreaterThan(20);
    for (const { tree, indent, truncate, text } of found) {
      const truncateLeaf = (node: unknown): boolean =>
        node instanceof Module && truncate.includes(node.constructor.name);
      expect(treePformat(build(tree), { width, indent, truncateLeaf })).toBe(text);
    }
  });

  test('and so does inspect, in 80 columns', () => {
    const modules = cases.filter(
      ({ tree, width, indent, truncate }) =>
        width === 80 &&
        indent === 2 &&
        truncate.length === 0 &&
        typeof tree === 'object' &&
        tree !== null &&
        'module' in tree,
    );
    expect(modules.length).toBeGreaterThan(10);
    for (const { tree, text } of modules) expect(inspect(build(tree))).toBe(text);
  });
});

test('treePprint writes the text and a line feed to the standard output', () => {
  const write = jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
  treePprint([1, 2]);
  const { calls } = write.mock;
  write.mockRestore();
  expect(calls).toEqual([['[1, 2]\n']]);
});
