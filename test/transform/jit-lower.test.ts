import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  branchedErrorIf,
  errorIf,
  filterJit,
  grad,
  jit,
  nondifferentiable,
  pureCallback,
} from '../../lib/transform';
import * as random from '../../lib/random';
import { counted } from '../support/counted';
import { useFolder } from '../support/folder';
import { distance, numbers, thrown, waves } from '../support/numeric';
import { testWithPython } from '../support/python';

const x = tensor([1, 2, 3]);
const y = tensor([4, 5, 6]);
const inFolder = useFolder();

describe('lower', () => {
  test('shows one graph without running the program, and keeps it for the calls', () => {
    const fn = counted((a: Tensor, b: Tensor) => a.mul(2).add(b.matmul(b)));
    const jitted = jit(fn);
    expect(jitted.lower(x, y).graph).toBe(
      [
        'graph(%0 : Tensor,',
        '      %1 : Tensor):',
        '  %3 : int = prim::Constant[value=2]()',
        '  %2 : int = prim::Constant[value=1]()',
        '  %4 : Tensor = aten::mul(%0, %3)',
        '  %5 : Tensor = aten::dot(%1, %1)',
        '  %6 : Tensor = aten::add(%4, %5, %2)',
        '  return (%6)',
        '',
      ].join('\n'),
    );
    jitted(x, y);
    expect(fn.count).toBe(1);
  });

  test('leaves out what no result needs, and computes once what is written twice', () => {
    const { graph } = jit((a: Tensor) => {
      a.exp();
      return a.sin().add(a.sin());
    }).lower(x);
    expect(graph).not.toContain('aten::exp');
    expect(graph.match(/aten::sin/g)).toHaveLength(1);
  });

  test('checks the arguments as a call does', () => {
    expect(
      thrown(() => {
        (jit(ops.neg) as unknown as { lower(a: unknown): void }).lower(3);
      }).message,
    ).toContain('jit: expected tensors in argument 0, got 3.');
  });

  testWithPython('saves training steps that torch.jit.load runs', ['torch'], (python) => {
    const w = waves([3, 2]);
    const step = jit((v: Tensor, input: Tensor) => {
      const loss = (u: Tensor): Tensor =>
        input.matmul(u).add(w.sum()).mul(2).maximum(0.5).tanh().square().sum();
      return [loss(v), v.sub(grad(loss)(v).mul(0.1))] as const;
    });
    const path = inFolder('step.pt');
    step.lower(w, waves([4, 3])).save(path);
    const script = `
import json, sys, torch
wave = lambda n, *s: torch.sin(torch.arange(1, n + 1, dtype=torch.float64)).reshape(s)
loss, w = torch.jit.load(sys.argv[1])(wave(6, 3, 2), wave(12, 4, 3))
print(json.dumps([loss.item()] + w.flatten().tolist()))
`;
    const values = JSON.parse(python.run(script, path)) as number[];
    expect(distance(values, numbers(step(w, waves([4, 3]))))).toBeLessThan(1e-14);
  });

  testWithPython(
    'saves predictions that torch.jit.load runs with another batch size too',
    ['torch'],
    (python) => {
      const path = inFolder('predict.pt');
      const predict = jit((w: Tensor, input: Tensor) => input.matmul(w).add(1).relu().softmax(1));
      predict.lower(waves([3, 2]), waves([4, 3])).save(path);
      const script = `
import json, sys, torch
wave = lambda n, *s: torch.sin(torch.arange(1, n + 1, dtype=torch.float64)).reshape(s)
print(json.dumps(torch.jit.load(sys.argv[1])(wave(6, 3, 2), wave(21, 7, 3)).flatten().tolist()))
`;
      const values = JSON.parse(python.run(script, path)) as number[];
      expect(distance(values, numbers(predict(waves([3, 2]), waves([7, 3]))))).toBeLessThan(1e-14);
    },
  );

  testWithPython(
    'saves programs without results, with one, and with scalars that keep their dtype',
    ['torch'],
    (python) => {
      const path = inFolder('scalars.pt');
      jit((a: Tensor, i: Tensor) => [
        a.sum().mul(2.5),
        a.sum().maximum(2),
        i.sum().add(1),
        a.sum().maximum(0.5).mul(a),
      ])
        .lower(x, x.to('int32'))
        .save(path);
      const script = `
import sys, torch
x = torch.tensor([1., 2., 3.])
print([str(t.dtype) for t in torch.jit.load(sys.argv[1])(x, x.to(torch.int32))])
`;
      expect(python.run(script, path).trim()).toBe(
        "['torch.float32', 'torch.float32', 'torch.int64', 'torch.float32']",
      );
      jit((a: Tensor) => a.mul(2))
        .lower(x)
        .save(path);
      expect(
        python
          .run('import sys, torch; print(torch.jit.load(sys.argv[1])(torch.ones(2)).tolist())', path)
          .trim(),
      ).toBe('[2.0, 2.0]');
      jit((_a: Tensor) => undefined)
        .lower(x)
        .save(path);
      expect(
        python.run('import sys, torch; print(torch.jit.load(sys.argv[1])(torch.ones(2)))', path).trim(),
      ).toBe('()');
    },
  );

  test("counts the operators and gives the constants, which are not the program's own", () => {
    const captured = tensor([10, 20, 30]);
    const jitted = jit((a: Tensor) => a.mul(captured).add(a.mul(2)).sum());
    const { operators, constants } = jitted.lower(x);
    expect(operators).toEqual({ 'aten::mul': 2, 'aten::add': 1, 'aten::sum': 1 });
    expect(constants.map((one) => one.toArray())).toEqual([[10, 20, 30]]);
    constants[0]?.dispose();
    expect(jitted(x).item()).toBe(152);
    expect(jitted.lower(x).constants).toHaveLength(1);
  });

  test('refuses to save what only Equinode can run', () => {
    const path = inFolder('callback.pt');
    const draw = jit((key: random.Key) => random.bits(key, [2]));
    expect(
      thrown(() => {
        draw.lower(random.key(0)).save(path);
      }).message,
    ).toMatch(
      /^jit\.lower\.save: expected operators that libtorch has, got equinode::threefry_\w+, which only Equinode knows\./,
    );
    const calls = jit((a: Tensor) => pureCallback((b: Tensor) => b, [a], { resultShapeDtypes: a }));
    expect(
      thrown(() => {
        calls.lower(x).save(path);
      }).message,
    ).toContain('got equinode::callback, which only');
    expect(existsSync(path)).toBe(false);
  });

  testWithPython('saves checks as exceptions of TorchScript', ['torch'], (python) => {
    const path = inFolder('checked.pt');
    jit((a: Tensor, i: Tensor) => {
      const safe = errorIf(nondifferentiable(a), a.lt(0), 'negative');
      return branchedErrorIf(safe, safe.gt(9), i, ['large', 'huge']).mul(2);
    })
      .lower(x, tensor(0, { dtype: 'int64' }))
      .save(path);
    const script = `
import sys, torch
f = torch.jit.load(sys.argv[1])
for a, i in [([1., 2., 3.], 0), ([1., -2., 3.], 0), ([1., 12., 3.], 0), ([1., 12., 3.], 1)]:
    try: print(f(torch.tensor(a), torch.tensor(i)).tolist())
    except torch.jit.Error as e: print(str(e).strip().splitlines()[-1])
`;
    expect(python.run(script, path).trim().split('\n')).toEqual([
      '[2.0, 4.0, 6.0]',
      'builtins.RuntimeError: negative',
      'builtins.RuntimeError: large',
      'builtins.RuntimeError: huge',
    ]);
  });

  test('refuses a path that cannot be written, and leaves no file', () => {
    const path = inFolder('missing/program.pt');
    const save = (): void => {
      jit(ops.neg).lower(x).save(path);
    };
    expect(thrown(save).message).toBe(
      `jit.lower.save: expected a file that can be written, got ${path}: ENOENT: no such file or directory.`,
    );
    expect(existsSync(dirname(path))).toBe(false);
    mkdirSync(inFolder('folder'));
    expect(() => {
      filterJit(ops.neg).lower(x).save(inFolder('folder'));
    }).toThrow(/^filterJit\.lower\.save: expected a file that can be written, got .*folder: E/);
    expect(readdirSync(dirname(inFolder('folder'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
