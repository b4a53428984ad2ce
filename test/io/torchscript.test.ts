import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, FormatError, TransformError, type EquinodeError } from '../../lib/base/errors';
import { exportTorchScript, loadTorchScript, type TorchScriptModule } from '../../lib/io/torchscript';
import { treeDeserialiseLeaves, treeSerialiseLeaves } from '../../lib/io/eqx';
import { applyUpdates, Module } from '../../lib/module';
import * as nn from '../../lib/nn';
import { linspace } from '../../lib/ops';
import * as optim from '../../lib/optim';
import * as random from '../../lib/random';
import { tensor, toBuffer } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { filterGrad, filterJit, filterValueAndGrad, filterVmap, grad, vmap } from '../../lib/transform';
import { useFolder } from '../support/folder';
import { testWithPython } from '../support/python';
import { thrown } from '../support/thrown';

const inFolder = useFolder();
const fixtures = join(__dirname, '../fixtures/io');
const program = join(fixtures, 'program.pt');
const expected = JSON.parse(readFileSync(join(fixtures, 'files.json'), 'utf8')) as {
  result: number[][];
  gradients: Record<string, number[]>;
};
const images = () => linspace(-1, 1, 32).reshape([2, 1, 4, 4]);

function expectClose(found: unknown, wanted: readonly number[], digits = 5): void {
  expect(found).toHaveLength(wanted.length);
  (found as number[]).forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i] ?? NaN, digits);
  });
}

const flat = (x: Tensor) => x.reshape([-1]).toArray();

async function refused(path: string, message: string | RegExp): Promise<void> {
  const error = await loadTorchScript(path).then(
    () => undefined,
    (reason: unknown) => reason as EquinodeError,
  );
  expect(error?.message).toMatch(message);
  expect(error).toBeInstanceOf(FormatError);
  expect(error?.message).toContain(path);
}

describe("a module of Python's torch.jit.script", () => {
  let net: TorchScriptModule;
  beforeAll(async () => {
    net = await loadTorchScript(program);
  });

  test('its parameters and buffers are leaves', () => {
    expect(Object.keys(net.parameters).sort()).toEqual(Object.keys(expected.gradients).sort());
    expect(Object.keys(net.buffers).sort()).toEqual(['norm.running_mean', 'norm.running_var', 'steps']);
    expect(net.script.signature()).toBe('x: Tensor, scale: float');
    expect(net.script.graph()).toContain('aten::linear');
  });

  test("computes what PyTorch's does", () => {
    expectClose(flat(net.forward(images(), 2)), expected.result.flat());
    expectClose(
      flat(net.forward(images())),
      expected.result.flat().map((value) => value / 2),
    );
  });

  test('has the gradients that PyTorch has; none flow to buffers', () => {
    const loss = (m: TorchScriptModule) => m.forward(images(), 2).square().sum();
    const grads = filterGrad(loss)(net);
    for (const [name, wanted] of Object.entries(expected.gradients)) {
      expectClose(flat(grads.parameters[name]!), wanted, 4);
    }
    expect(flat(grads.buffers['norm.running_mean']!)).toEqual([0, 0]);
  });

  test('works under vmap, jit, and both with grad', async () => {
    const x = images();
    const one = filterVmap((image: Tensor) => net.forward(image.unsqueeze(0)).squeeze(0))(x);
    expectClose(flat(one), flat(net.forward(x)) as number[]);
    const mlp = new nn.MLP(3, 2, 8, 2, { key: random.key(0) });
    exportTorchScript(inFolder('mlp.pt'), mlp, tensor([1, 2, 3]));
    const loaded = await loadTorchScript(inFolder('mlp.pt'));
    const batch = random.normal(random.key(1), [5, 3]);
    const loss = (m: { forward(x: Tensor): Tensor }, xs: Tensor) =>
      vmap((row: Tensor) => m.forward(row))(xs)
        .square()
        .mean();
    const jitted = filterJit((m: TorchScriptModule, xs: Tensor) =>
      filterValueAndGrad((model: TorchScriptModule, rows: Tensor) => loss(model, rows))(m, xs),
    );
    const [value, grads] = jitted(loaded, batch);
    const [wanted, wantedGrads] = filterValueAndGrad((m: nn.MLP, xs: Tensor) => loss(m, xs))(mlp, batch);
    expect(value.item()).toBeCloseTo(wanted.item() as number, 6);
    expectClose(flat(grads.parameters['layers.0.weight']!), flat(wantedGrads.layers[0]!.weight) as number[]);
    expect(jitted.lower(loaded, batch).graph).toContain('aten::');
    const second = grad((x: Tensor) =>
      grad((y: Tensor) => loaded.forward(y).square().sum())(x)
        .square()
        .sum(),
    );
    const own = grad((x: Tensor) =>
      grad((y: Tensor) => mlp.forward(y).square().sum())(x)
        .square()
        .sum(),
    );
    expectClose(flat(second(tensor([1, 2, 3]))), flat(own(tensor([1, 2, 3]))) as number[], 3);
  });

  test('trains', () => {
    const x = images();
    const y = tensor([
      [1, -1],
      [0.5, 2],
    ]);
    const adam = optim.adam(1e-1);
    let model = net;
    let state = adam.init(model.parameters);
    const loss = (m: TorchScriptModule) => m.forward(x).sub(y).square().mean();
    const before = Number(loss(model));
    for (let i = 0; i < 60; i++) {
      const grads = filterGrad(loss)(model);
      const [updates, next] = adam.update(grads.parameters, state, model.parameters);
      const parameters = applyUpdates(model.parameters, updates);
      model = Object.assign(Object.create(Object.getPrototypeOf(model) as object), model, {
        parameters,
      }) as TorchScriptModule;
      state = next;
    }
    expect(Number(loss(model))).toBeLessThan(before / 100);
    expect(Number(loss(net))).toBe(before);
  });

  test('a value that decides a branch is not known while it is traced', () => {
    expect(() => filterJit((m: TorchScriptModule, x: Tensor) => m.forward(x))(net, images())).toThrow(
      /TorchScriptModule\.forward: /,
    );
  });

  test('is saved and loaded as any tree', async () => {
    treeSerialiseLeaves(inFolder('net.eqx'), net);
    const loaded = treeDeserialiseLeaves(inFolder('net.eqx'), await loadTorchScript(program));
    expect(toBuffer(loaded.forward(images()))).toEqual(toBuffer(net.forward(images())));
  });

  test.each<[string, readonly unknown[], string]>([
    ['no argument', [], 'expected Tensor for x, got '],
    ['a number for a tensor', [5], 'expected Tensor for x, got 5'],
    ['a tensor for a number', [tensor(1), tensor(1)], 'expected float for scale, got '],
    ['too many', [tensor(1), 1, 2], 'expected at most 2 arguments (x: Tensor, scale: float), got 3'],
  ])('%s is refused', (_name, args, message) => {
    const error = thrown(() => net.forward(...args));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toContain('TorchScriptModule.forward: ');
    expect(error.message).toContain(message);
  });

  test('what its operators refuse names the call', () => {
    expect(() => net.forward(tensor([1, 2]))).toThrow(/^TorchScriptModule\.forward: /);
  });
});

class Batched extends Module {
  readonly net: nn.MLP;
  constructor(net: nn.MLP) {
    super();
    this.net = net;
  }
  forward(xs: Tensor): Tensor {
    return filterVmap(this.net)(xs);
  }
}

describe('exportTorchScript', () => {
  test('a module, a function, and trees come back', async () => {
    const mlp = new nn.MLP(2, 1, 4, 1, { key: random.key(0) });
    const x = random.normal(random.key(1), [3, 2]);
    exportTorchScript(inFolder('batch.pt'), new Batched(mlp), x);
    const loaded = await loadTorchScript(inFolder('batch.pt'));
    expect(toBuffer(loaded.forward(x))).toEqual(toBuffer(filterVmap(mlp)(x)));

    const pair = (given: { a: Tensor; n: number }, b: Tensor) => ({
      sum: given.a.add(b),
      rest: [given.a.mul(given.n)],
    });
    exportTorchScript(inFolder('pair.pt'), pair, { a: tensor([1, 2]), n: 3 }, tensor([10, 20]));
    const both = (await loadTorchScript(inFolder('pair.pt'))).forward(tensor([1, 2]), tensor([10, 20]));
    expect((both as unknown as Tensor[]).map((y) => y.toArray())).toEqual([
      [3, 6],
      [11, 22],
    ]);
    expect(readdirSync(inFolder('.')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('tensors that a function captures are constants', async () => {
    const c = tensor([1, 2]);
    exportTorchScript(inFolder('constant.pt'), (x: Tensor) => x.add(c), tensor([0, 0]));
    const loaded = await loadTorchScript(inFolder('constant.pt'));
    expect([Object.keys(loaded.parameters), loaded.forward(tensor([1, 1])).toArray()]).toEqual([[], [2, 3]]);
  });

  test('names that attributes cannot have are changed', async () => {
    class Odd extends Module {
      readonly parts = {
        forward: tensor([1]),
        'a b': tensor([2]),
        '': tensor([3]),
        training: tensor([4], { dtype: 'int32' }),
      };
      forward(x: Tensor): Tensor {
        return x.add(this.parts.forward).add(this.parts['a b']).add(this.parts['']).add(this.parts.training);
      }
    }
    exportTorchScript(inFolder('odd.pt'), new Odd(), tensor([0]));
    const loaded = await loadTorchScript(inFolder('odd.pt'));
    expect(Object.keys(loaded.parameters).sort()).toEqual(['parts.a_b', 'parts.p', 'parts.pforward']);
    expect(Object.keys(loaded.buffers)).toEqual(['parts.ptraining']);
    expect(loaded.forward(tensor([0])).toArray()).toEqual([10]);
  });

  test('a loaded program is exported again', async () => {
    const loaded = await loadTorchScript(inFolder('batch.pt'));
    const x = random.normal(random.key(1), [3, 2]);
    exportTorchScript(inFolder('twice.pt'), loaded, x);
    const twice = await loadTorchScript(inFolder('twice.pt'));
    expect(toBuffer(twice.forward(x))).toEqual(toBuffer(loaded.forward(x)));
  });

  test.each<[string, () => void, new (text: string) => Error, string]>([
    [
      'no function',
      () => {
        exportTorchScript(inFolder('x.pt'), 1 as never);
      },
      ArgumentError,
      'expected a function or a module',
    ],
    [
      'no tensor',
      () => {
        exportTorchScript(inFolder('x.pt'), () => 1);
      },
      ArgumentError,
      'expected a function that returns tensors',
    ],
    [
      'random numbers',
      () => {
        exportTorchScript(inFolder('x.pt'), (key: Tensor) => random.uniform(key, [2]), random.key(0));
      },
      TransformError,
      'expected operators that libtorch has, got equinode::',
    ],
    [
      'a missing folder',
      () => {
        exportTorchScript(inFolder('no/x.pt'), (x: Tensor) => x.neg(), tensor(1));
      },
      ArgumentError,
      'expected a file that can be written',
    ],
    [
      'a transform around it',
      () => {
        vmap((x: Tensor) => {
          exportTorchScript(inFolder('x.pt'), (y: Tensor) => y.neg(), x);
          return x;
        })(tensor([1]));
      },
      TransformError,
      'expected no transform around it',
    ],
  ])('%s is refused, and the old file stays', (_name, run, Class, message) => {
    writeFileSync(inFolder('x.pt'), 'old');
    const error = thrown(run);
    expect(error.message).toContain(message);
    expect(error).toBeInstanceOf(Class);
    expect(readFileSync(inFolder('x.pt'), 'utf8')).toBe('old');
    expect(readdirSync(inFolder('.')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('hostile files', () => {
  test('a state dict, no archive, a file that is missing', async () => {
    await refused(
      join(fixtures, 'state.pt'),
      'expected a TorchScript module, got another archive (see loadStateDict)',
    );
    writeFileSync(inFolder('text.pt'), 'text');
    await refused(inFolder('text.pt'), 'expected a zip archive');
    await expect(loadTorchScript(inFolder('none.pt'))).rejects.toThrow(ArgumentError);
  });

  test('cut anywhere, and damaged anywhere', async () => {
    const whole = readFileSync(program);
    const path = inFolder('cut.pt');
    for (let i = 1; i < 40; i++) {
      writeFileSync(path, whole);
      truncateSync(path, Math.floor((whole.length * i) / 40));
      await refused(path, 'expected a');
    }
  });
});

testWithPython(
  'programs that reach out of the computation, or change themselves, are refused',
  ['torch'],
  async (python) => {
    const script = `
import sys
import torch

folder, proof = sys.argv[1:]

def save(name, text, cls='M'):
    import tempfile, importlib.util, os
    path = os.path.join(folder, name + '.py')
    open(path, 'w').write('import torch\\nfrom typing import *\\n' + text)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.jit.script(getattr(module, cls)()).save(os.path.join(folder, name + '.pt'))

save('file', f'''
class M(torch.nn.Module):
    def forward(self, x):
        return x + torch.from_file({proof!r}, True, 4)
''')
save('forks', '''
def double(x):
    return x * 2
class M(torch.nn.Module):
    def forward(self, x):
        return torch.jit.wait(torch.jit.fork(double, x))
''')
save('training', '''
class M(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(2)
    def forward(self, x):
        return self.norm(x)
''')
save('counts', '''
class M(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0
    def forward(self, x):
        self.count = self.count + 1
        return x * self.count
''')
save('state', '''
class M(torch.nn.Module):
    @torch.jit.export
    def __getstate__(self):
        return 1, self.training
    @torch.jit.export
    def __setstate__(self, state: Tuple[int, bool]):
        self.training = state[1]
    def forward(self, x):
        return x
''')
save('writes', '''
class M(torch.nn.Module):
    def forward(self, x, y: Optional[torch.Tensor] = None, scale: int = 2):
        x.mul_(scale)
        if y is not None:
            x += y
        return {'x': x, 'y': x + 1}, ([scale, 1], 'text', None)
''')
save('lists', '''
class M(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scales = [1.0, 2.0]
    def forward(self, xs: List[torch.Tensor], n: int, flags: Optional[List[int]] = None):
        total = xs[0] * self.scales[1]
        for i in range(n):
            total = total + xs[1]
        return total
''')
`;
    const folder = inFolder('.');
    const proof = inFolder('proof');
    python.run(script, folder, proof);
    await refused(
      inFolder('file.pt'),
      'expected a program that only computes, got one that calls aten::from_file',
    );
    expect(existsSync(proof)).toBe(false);
    await refused(inFolder('forks.pt'), 'got one that calls prim::fork');
    await refused(
      inFolder('training.pt'),
      /got one that updates .*Call eval\(\) on the module before it is saved/,
    );
    await refused(inFolder('counts.pt'), 'got one that updates count');
    await refused(inFolder('state.pt'), 'got one that runs code when it is loaded');

    const x = tensor([1, 2]);
    const writes = await loadTorchScript(inFolder('writes.pt'));
    const [dict, rest] = writes.forward(x, tensor([1, 1])) as unknown as [
      { x: Tensor; y: Tensor },
      unknown[],
    ];
    expect([dict.x.toArray(), dict.y.toArray(), rest]).toEqual([
      [3, 5],
      [4, 6],
      [[2, 1], 'text', null],
    ]);
    expect(x.toArray()).toEqual([1, 2]);
    const lists = await loadTorchScript(inFolder('lists.pt'));
    expect(lists.forward([x, tensor([1, 1])], 3).toArray()).toEqual([5, 7]);
    expect(() => lists.forward([x, 5], 3)).toThrow('expected Tensor for xs, got 5');
  },
);

testWithPython(
  "Python's torch.jit.load opens what is exported here, with its parameters",
  ['torch'],
  (python) => {
    const mlp = new nn.MLP(2, 1, 4, 1, { key: random.key(0) });
    const x = random.normal(random.key(1), [3, 2]);
    exportTorchScript(inFolder('python.pt'), new Batched(mlp), x);
    const script = `
import json, sys
import torch
net = torch.jit.load(sys.argv[1])
x = torch.tensor(json.loads(sys.argv[2]))
y = net(x)
y.square().sum().backward()
grads = {name: p.grad.flatten().tolist() for name, p in net.named_parameters()}
print(json.dumps([y.flatten().tolist(), grads, net(x[:1]).shape == (1, 1)]))
`;
    const [y, grads] = JSON.parse(python.run(script, inFolder('python.pt'), JSON.stringify(x.toArray()))) as [
      number[],
      Record<string, number[]>,
    ];
    expectClose(flat(filterVmap(mlp)(x)), y);
    const own = filterGrad((m: nn.MLP) => filterVmap(m)(x).square().sum())(mlp);
    const names = Object.keys(grads).filter((name) => name.endsWith('layers.0.weight'));
    expect(names).toHaveLength(1);
    expectClose(flat(own.layers[0]!.weight), grads[names[0]!]!, 4);
  },
);
