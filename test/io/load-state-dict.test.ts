import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Complex } from '../../lib/base/complex';
import { dtypes } from '../../lib/base/dtype';
import { ArgumentError, FormatError, type EquinodeError } from '../../lib/base/errors';
import { loadStateDict } from '../../lib/io/load-state-dict';
import { fromStateDict, type StateDict } from '../../lib/io/state-dict';
import * as nn from '../../lib/nn';
import { linspace, real } from '../../lib/ops';
import * as random from '../../lib/random';
import { tensor, toBuffer } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { useFolder } from '../support/folder';
import { testWithPython } from '../support/python';
import { op, pickleOf, tensorOp, writeArchive, writeTorchFile } from '../support/torch-file';

const inFolder = useFolder();
const fixtures = join(__dirname, '../fixtures/io');

async function refused(path: string, message: string): Promise<void> {
  const error = await loadStateDict(path).then(
    () => undefined,
    (reason: unknown) => reason as EquinodeError,
  );
  expect(error).toBeInstanceOf(FormatError);
  expect(error?.message).toContain(message);
  expect(error?.message).toMatch(/^loadStateDict: /);
  expect(error?.message).toContain(path);
}

describe("PyTorch's file", () => {
  let state: StateDict & Record<string, unknown>;
  beforeAll(async () => {
    state = await loadStateDict(join(fixtures, 'state.pt'));
  });

  test.each(dtypes)('%s', (dtype) => {
    const x = state[dtype]!;
    expect([x.dtype, x.shape]).toEqual([dtype, [2, 3]]);
    const numbers = dtype.startsWith('complex') ? real(x) : x;
    const values = dtype === 'bool' ? [1, 0, 1, 1, 1, 0] : [1, 0, 2, 3, 1, 0];
    expect((numbers.to('float64').toArray() as number[][]).flat()).toEqual(values);
  });

  test('views, strides, empty and scalar tensors, parameters, conjugates', () => {
    const values = (name: string) => state[name]!.toArray();
    expect(values('whole')).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ]);
    expect(values('part')).toEqual([2, 3, 4, 5]);
    expect((values('transposed') as number[][])[1]).toEqual([1, 5, 9]);
    expect(values('expanded')).toEqual([
      [7, 7, 7],
      [7, 7, 7],
    ]);
    expect(state['empty']!.shape).toEqual([0, 3]);
    expect(values('scalar')).toBe(-1.5);
    expect(values('parameter')).toEqual([1, 1]);
    expect(values('conjugate')).toEqual([new Complex(1, -2)]);
  });

  test('plain values', () => {
    const { nested, size, dtype, device, complex, set, bytes } = state as Record<string, unknown>;
    expect(nested).toEqual(
      new Map<unknown, unknown>([
        ['lr', 0.1],
        ['betas', [0.9, 0.999]],
        ['steps', [1, 2n ** 70n, null, true]],
        ['name', 'adam'],
        [3, 'three'],
      ]),
    );
    expect([size, dtype, device]).toEqual([[1, 2], 'bfloat16', 'cuda:1']);
    expect([complex, set, bytes]).toEqual([new Complex(1, -2), new Set([1, 2]), Uint8Array.of(0, 255)]);
  });

  test('big-endian storages', async () => {
    const x = tensorOp('0', 2, 0, [2], [1]);
    const path = writeArchive(inFolder('big.pt'), {
      'a/data.pkl': pickleOf(op.dict(op.text('x'), x)),
      'a/byteorder': Buffer.from('big'),
      'a/data/0': Buffer.from('3f80000040000000', 'hex'),
    });
    const { x: loaded } = await loadStateDict(path);
    expect(loaded!.toArray()).toEqual([1, 2]);
  });
});

describe('what is no state dict', () => {
  test('the format from before 1.6, TorchScript, no archive, nothing', async () => {
    await refused(join(fixtures, 'legacy.pt'), 'got the format that PyTorch wrote before 1.6');
    await refused(join(fixtures, 'program.pt'), 'got a TorchScript program (see loadTorchScript)');
    await refused(join(fixtures, 'plain.npz'), 'expected one data.pkl in the archive, got 0');
    writeFileSync(inFolder('text.pt'), 'text');
    await refused(inFolder('text.pt'), 'expected a zip archive');
    writeFileSync(inFolder('empty.pt'), '');
    await refused(inFolder('empty.pt'), 'expected a zip archive');
    await expect(loadStateDict(inFolder('missing.pt'))).rejects.toThrow(ArgumentError);
  });

  test('checksums are compared, unless they are said to be missing', async () => {
    const path = inFolder('sum.pt');
    const whole = readFileSync(join(fixtures, 'state.pt'));
    const at = whole.indexOf(Buffer.from(new Float32Array([0, 1, 2, 3]).buffer)) + 4;
    whole[at] = 1;
    writeFileSync(path, whole);
    await refused(path, 'expected the checksum ');
    const { whole: loaded } = await loadStateDict(path, { verifyChecksums: false });
    expect(loaded!.shape).toEqual([3, 4]);
  });
});

describe('hostile files', () => {
  const proof = () => inFolder('proof');

  test.each([
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['builtins', 'getattr'],
    ['torch.hub', 'load'],
    ['torch._dynamo.guards.GuardBuilder', 'get'],
    ['torch', 'load'],
    ['numpy.core.multiarray', '_reconstruct'],
  ])('a pickle that calls %s.%s is refused, and nothing runs', async (module, name) => {
    const pickle = pickleOf(op.call(op.global(module, name), op.text(`touch ${proof()}`)));
    await refused(
      writeTorchFile(inFolder('call.pt'), pickle),
      `a reference to ${module}.${name}, which is never run`,
    );
    expect(existsSync(proof())).toBe(false);
  });

  const four = { '0': Buffer.alloc(16) };
  test.each<[string, Buffer, Record<string, Buffer>, string]>([
    [
      'a view that ends behind its storage',
      tensorOp('0', 4, 1, [4], [1]),
      four,
      'expected a view within the 4 elements',
    ],
    ['strides that lead out', tensorOp('0', 4, 0, [2, 2], [2, 2]), four, 'with strides [2,2] from 0 on'],
    ['an offset behind the end', tensorOp('0', 4, 5, [0], [1]), four, 'from 5 on'],
    [
      'strides whose product is beyond all',
      tensorOp('0', 4, 0, [2 ** 30], [2 ** 52]),
      four,
      'expected a view within',
    ],
    ['a negative size', tensorOp('0', 4, 0, [-1], [1]), four, 'expected the arguments of torch._utils'],
    ['a negative stride', tensorOp('0', 4, 3, [4], [-1]), four, 'expected the arguments of torch._utils'],
    ['a negative offset', tensorOp('0', 4, -1, [1], [1]), four, 'expected the arguments of torch._utils'],
    [
      'fewer strides than axes',
      tensorOp('0', 4, 0, [2, 2], [1]),
      four,
      'expected the arguments of torch._utils',
    ],
    ['shapes beyond all', tensorOp('0', 4, 0, [2 ** 40, 2 ** 40], [0, 0]), four, 'expected the arguments'],
    ['a storage that is missing', tensorOp('1', 4, 0, [4], [1]), four, 'got no such file in the archive'],
    [
      'a storage of another size',
      tensorOp('0', 5, 0, [4], [1]),
      four,
      'expected 20 bytes for the storage 0 of float32, got 16',
    ],
    ['a storage of 2^50 elements', tensorOp('0', 2 ** 50, 0, [4], [1]), four, 'got 16'],
    [
      'a storage that leads out of the folder',
      tensorOp('../data.pkl', 4, 0, [4], [1]),
      four,
      'expected the id of a storage',
    ],
    ['a function as a value', op.global('collections', 'OrderedDict'), {}, 'got a function or a class'],
    [
      'a tensor without one',
      op.call(op.global('torch._utils', '_rebuild_parameter'), op.none),
      {},
      'expected a tensor',
    ],
    [
      'a size that is a number',
      op.call(op.global('torch', 'Size'), op.int(1)),
      {},
      'the arguments of torch.Size',
    ],
  ])('%s', async (_name, value, storages, message) => {
    await refused(writeTorchFile(inFolder('bad.pt'), pickleOf(value), storages), message);
  });

  test('lists that hold themselves, hold one another many times over, or are too deep', async () => {
    const cycle = pickleOf(']', op.put(0), op.get(0), 'a');
    await refused(
      writeTorchFile(inFolder('c.pt'), cycle),
      'nested at most 100 deep, got deeper ones, or a cycle',
    );
    const levels = Array.from({ length: 60 }, (_, i) =>
      Buffer.concat([op.list(op.get(i), op.get(i)), op.put(i + 1)]),
    );
    const laughs = pickleOf(op.list(op.int(1)), op.put(0), ...levels);
    await refused(writeTorchFile(inFolder('l.pt'), laughs), 'expected at most 10000000 values, got more');
    const deep = pickleOf(Buffer.alloc(1e5, ']'), Buffer.alloc(1e5 - 1, 'a'));
    await refused(writeTorchFile(inFolder('d.pt'), deep), 'nested at most 100 deep');
  });

  test('names of objects are only names', async () => {
    const pickle = pickleOf(op.dict(op.text('__proto__'), op.int(1), op.text('constructor'), op.int(2)));
    const loaded = await loadStateDict<object>(writeTorchFile(inFolder('proto.pt'), pickle));
    expect(Object.entries(loaded)).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
    expect(Object.getPrototypeOf(loaded)).toBe(Object.prototype);
  });

  test('two pickles', async () => {
    const pickle = pickleOf(op.none);
    const path = writeArchive(inFolder('two.pt'), { 'a/data.pkl': pickle, 'b/data.pkl': pickle });
    await refused(path, 'expected one data.pkl in the archive, got 2');
  });
});

testWithPython(
  'files of every protocol; views share their memory; a model goes over',
  ['torch'],
  async (python) => {
    const script = `
import sys
import torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(8, 3))
optimiser = torch.optim.Adam(net.parameters())
net(torch.ones(1, 1, 4, 4)).sum().backward()
optimiser.step()
for protocol in range(2, 6):
    torch.save({'net': net.state_dict(), 'optimiser': optimiser.state_dict(), 'epoch': 3}, f'{sys.argv[1]}.{protocol}', pickle_protocol=protocol)
x = torch.linspace(-1, 1, 16).reshape(1, 1, 4, 4)
print(net(x).tolist())
base = torch.zeros(1000000)
torch.save([base[i:] for i in range(100)], sys.argv[1] + '.views')
`;
    const path = inFolder('live.pt');
    const [theirs] = JSON.parse(python.run(script, path)) as [number[]];
    const key = random.key(0);
    const like = { conv: new nn.Conv2d(1, 2, 3, { key }), linear: new nn.Linear(8, 3, { key }) };
    for (const protocol of [2, 3, 4, 5]) {
      const loaded = await loadStateDict<{
        net: StateDict;
        optimiser: { state: Map<number, object> };
        epoch: number;
      }>(`${path}.${protocol}`);
      expect([loaded.epoch, loaded.optimiser.state.size]).toEqual([3, 4]);
      const names = (name: string) => name.replace('conv', '0').replace('linear', '2');
      const model = fromStateDict(like, loaded.net, { names });
      const y = model.linear.forward(
        model.conv.forward(linspace(-1, 1, 16).reshape([1, 4, 4])).reshape([-1]),
      );
      (y.toArray() as number[]).forEach((value, i) => {
        expect(value).toBeCloseTo(theirs[i] ?? NaN, 5);
      });
    }
    const views = await loadStateDict<Tensor[]>(`${path}.views`);
    expect(views[99]!.shape).toEqual([1000000 - 99]);
    expect(toBuffer(views[99]!.narrow(0, 0, 2))).toEqual(toBuffer(tensor([0, 0])));
  },
);
