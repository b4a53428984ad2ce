import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError, DisposedError, FormatError } from '../../lib/base/errors';
import * as data from '../../lib/data';
import { Checkpointer } from '../../lib/io/checkpointer';
import { applyUpdates } from '../../lib/module';
import * as nn from '../../lib/nn';
import * as optim from '../../lib/optim';
import * as random from '../../lib/random';
import { tensor, toBuffer } from '../../lib/tensor/create';
import { Tensor } from '../../lib/tensor/tensor';
import { filterJit, filterValueAndGrad, filterVmap } from '../../lib/transform';
import { leaves } from '../../lib/tree';
import { useFolder } from '../support/folder';
import { builtFolder } from '../support/program';
import { testWithPython } from '../support/python';
import { thrown } from '../support/thrown';

const inFolder = useFolder();
const file = (folder: string, step: number) => join(folder, `step-${String(step).padStart(12, '0')}.ckpt`);

describe('saving and restoring', () => {
  test('the latest comes back; without any, undefined', () => {
    const checkpoints = new Checkpointer(inFolder('plain/run'));
    expect(checkpoints.restore({ x: 0 })).toBeUndefined();
    expect(checkpoints.restore({ x: 0 }, 'best')).toBeUndefined();
    expect([checkpoints.latestStep(), checkpoints.bestStep(), checkpoints.allSteps()]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    expect(checkpoints.save(7, { x: 1.5 })).toBe(file(inFolder('plain/run'), 7));
    checkpoints.save(20, { x: 2.5 }, { metric: 0.25 });
    const { step, metric, tree, path } = checkpoints.restore({ x: 0 })!;
    expect([step, metric, tree, path]).toEqual([20, 0.25, { x: 2.5 }, file(inFolder('plain/run'), 20)]);
    expect(checkpoints.restore({ x: 0 }, 7)?.tree).toEqual({ x: 1.5 });
    expect(new Checkpointer(inFolder('plain/run')).allSteps()).toEqual([7, 20]);
  });

  test('the same step again replaces it', () => {
    const checkpoints = new Checkpointer(inFolder('again'));
    checkpoints.save(1, 1);
    checkpoints.save(1, 2);
    expect([checkpoints.allSteps(), checkpoints.restore(0)?.tree]).toEqual([[1], 2]);
  });

  test('the latest and the best are kept', () => {
    const checkpoints = new Checkpointer(inFolder('keep'), { maxToKeep: 2, keepBest: 2 });
    [5, 1, 3, 1, 4, 9].forEach((loss, step) => {
      checkpoints.save(step, step, { metric: loss });
    });
    expect(checkpoints.allSteps()).toEqual([1, 3, 4, 5]);
    expect(checkpoints.bestStep()).toBe(3);
    expect(checkpoints.restore(0, 'best')?.tree).toBe(3);
    const largest = new Checkpointer(inFolder('keep'), { bestMode: 'max' });
    expect(largest.bestStep()).toBe(5);
    expect(readdirSync(inFolder('keep'))).toHaveLength(4);
  });

  test('saveAsync takes the values at once, and keeps the order of the calls', async () => {
    const checkpoints = new Checkpointer(inFolder('async'), { maxToKeep: 2 });
    const x = tensor([1, 2]);
    const table = Float32Array.of(3);
    const saved = [checkpoints.saveAsync(1, { x, table }), checkpoints.saveAsync(2, { x, table })];
    x.dispose();
    table.fill(0);
    const third = checkpoints.saveAsync(3, { x: tensor([5, 6]), table });
    expect(existsSync(file(inFolder('async'), 1))).toBe(false);
    await checkpoints.waitUntilFinished();
    expect(await Promise.all(saved)).toEqual([1, 2].map((step) => file(inFolder('async'), step)));
    await third;
    expect(checkpoints.allSteps()).toEqual([2, 3]);
    const { tree } = checkpoints.restore({ x: tensor([0, 0]), table: new Float32Array(1) }, 2)!;
    expect([tree.x.toArray(), tree.table]).toEqual([[1, 2], Float32Array.of(3)]);
    await expect(checkpoints.saveAsync(4, { x })).rejects.toThrow(DisposedError);
    await checkpoints.saveAsync(5, 1);
    expect(checkpoints.allSteps()).toEqual([3, 5]);
  });

  test('what a killed process left is removed once it is old', () => {
    const folder = inFolder('left');
    const checkpoints = new Checkpointer(folder);
    checkpoints.save(1, 1);
    const name = (id: string) =>
      join(folder, `.step-000000000002.ckpt.${id}-0000-0000-0000-000000000000.tmp`);
    for (const id of ['11111111', '22222222']) writeFileSync(name(id), 'half');
    utimesSync(name('11111111'), 1, 1);
    new Checkpointer(folder);
    expect([existsSync(name('11111111')), existsSync(name('22222222'))]).toEqual([false, true]);
    expect(checkpoints.allSteps()).toEqual([1]);
  });
});

describe('delete', () => {
  test('removes the checkpoint of a step; of none is an error', () => {
    const checkpoints = new Checkpointer(inFolder('delete'));
    for (const step of [1, 2]) checkpoints.save(step, { a: step });
    checkpoints.delete(2);
    expect(checkpoints.allSteps()).toEqual([1]);
    expect(
      thrown(() => {
        checkpoints.delete(2);
      }).message,
    ).toBe(`Checkpointer.delete: expected the step of a checkpoint (1), got 2 in ${inFolder('delete')}.`);
  });
});

describe('bad input changes nothing', () => {
  const folder = () => inFolder('bad');
  const checkpoints = () => new Checkpointer(folder());
  beforeAll(() => {
    checkpoints().save(1, { layers: [{ weight: tensor([[1, 2]]) }] });
  });

  test.each<[string, () => unknown, string]>([
    [
      'a step that is none',
      () => checkpoints().save(-1, 0),
      'expected a step that is a whole number from 0 on',
    ],
    ['a fraction', () => checkpoints().save(0.5, 0), 'got 0.5'],
    ['too large a step', () => checkpoints().save(1e12, 0), 'of at most 12 digits'],
    ['a metric that is NaN', () => checkpoints().save(2, 0, { metric: NaN }), 'a finite number, got NaN'],
    ['an unknown option', () => checkpoints().save(2, 0, { loss: 1 } as never), 'got "loss"'],
    [
      'maxToKeep 0',
      () => new Checkpointer(folder(), { maxToKeep: 0 }),
      'maxToKeep to be a whole number from 1 on',
    ],
    ['a mode', () => new Checkpointer(folder(), { bestMode: 'low' as never }), "'min' or 'max', got \"low\""],
    [
      'a step that is not there',
      () => checkpoints().restore(0, 5),
      'expected the step of a checkpoint (1), got 5',
    ],
    ['no path', () => new Checkpointer(''), 'expected a path, got an empty string'],
  ])('%s', (_name, run, message) => {
    const error = thrown(run);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toContain(message);
    expect(checkpoints().allSteps()).toEqual([1]);
  });

  test('a file in the place of the folder', () => {
    writeFileSync(inFolder('plain-file'), '');
    expect(() => new Checkpointer(inFolder('plain-file'))).toThrow('EEXIST');
  });

  test('another tree names the path', () => {
    const error = thrown(() => checkpoints().restore({ layers: [{ weight: tensor([[1], [2]]) }] }));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain(
      "Checkpointer.restore: ['layers'][0]['weight']: float32[1,2] in the file, float32[2,1] in the model (byte 0 of ",
    );
    expect(error.message).toContain(file(folder(), 1));
  });

  test('a failed save leaves the old one of the same step', () => {
    const old = readFileSync(file(folder(), 1));
    expect(() => checkpoints().save(1, [1, 2n ** 63n])).toThrow('expected a bigint of 64 bits');
    expect(readFileSync(file(folder(), 1))).toEqual(old);
  });
});

describe('damage', () => {
  test('a latest checkpoint that is damaged is passed over with a warning; one that is asked for is an error', () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const folder = inFolder('damage');
    const checkpoints = new Checkpointer(folder);
    for (const step of [1, 2, 3]) checkpoints.save(step, Float64Array.of(step, step));
    const like = new Float64Array(2);
    const whole = readFileSync(file(folder, 3));
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(file(folder, 3), whole);
      truncateSync(file(folder, 3), length);
      expect(checkpoints.restore(like)?.step).toBe(2);
    }
    whole[whole.length - 1] = 0;
    writeFileSync(file(folder, 3), whole);
    expect(checkpoints.restore(like)?.step).toBe(2);
    const error = thrown(() => checkpoints.restore(like, 3));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(
      /^Checkpointer\.restore: expected the checksum [0-9a-f]+, got [0-9a-f]+ in /,
    );
    for (const step of [1, 2]) truncateSync(file(folder, step), 30);
    expect(() => checkpoints.restore(like)).toThrow(FormatError);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toContain(`The one before is taken: ${file(folder, 2)}.`);
    warn.mockRestore();
  });
});

test('a resumed run ends as one that was never stopped, bit for bit', () => {
  const images = random.normal(random.key(1), [60, 4]);
  const labels = images.sum(1, true);
  const adam = optim.adam(1e-2);
  const fresh = () => {
    const model = new nn.MLP(4, 1, 8, 1, { key: random.key(0) });
    return { model, state: adam.init(model), key: random.key(2), epoch: 0, position: 0 };
  };
  type Run = ReturnType<typeof fresh>;
  const step = filterJit((model: nn.MLP, state: optim.State, key: random.Key, x: Tensor, y: Tensor) => {
    const noisy = x.add(random.normal(key, x.shape).mul(0.01));
    const [, grads] = filterValueAndGrad((m: nn.MLP) => filterVmap(m)(noisy).sub(y).square().mean())(model);
    const [updates, next] = adam.update(grads, state, model);
    return [applyUpdates(model, updates), next] as const;
  });
  const train = (from: Run, steps: number): Run => {
    let run = from;
    for (let i = 0; i < steps; i++) {
      const epochKey = random.foldIn(run.key, run.epoch);
      const batches = data.batches(
        { x: images, y: labels },
        { batchSize: 16, key: epochKey, skip: run.position },
      );
      const [batch] = batches;
      if (batch === undefined) {
        run = { ...run, epoch: run.epoch + 1, position: 0 };
        continue;
      }
      const [model, state] = step(
        run.model,
        run.state,
        random.foldIn(epochKey, run.position),
        batch.x,
        batch.y,
      );
      run = { ...run, model, state, position: run.position + 1 };
    }
    return run;
  };
  const straight = train(fresh(), 13);
  let run: Run = fresh();
  for (const steps of [3, 4, 6]) {
    const checkpoints = new Checkpointer(inFolder('resume'));
    run = train(checkpoints.restore(fresh())?.tree ?? run, steps);
    checkpoints.save((checkpoints.latestStep() ?? 0) + steps, run);
  }
  const bits = (tree: unknown) =>
    leaves(tree).map((leaf) => (leaf instanceof Tensor ? toBuffer(leaf) : leaf));
  expect(bits(new Checkpointer(inFolder('resume')).restore(fresh(), 13)?.tree)).toEqual(bits(straight));
});

test('kill -9 at any moment leaves the last good checkpoint, fifty times', async () => {
  const folder = inFolder('kill');
  const program = join(__dirname, 'programs/checkpoint-loop.cjs');
  const like = { step: 0, data: new Float64Array(4000) };
  let reported = 0;
  const once9 = async (round: number): Promise<void> => {
    const way = round % 2 === 0 ? 'sync' : 'async';
    const child = spawn(process.execPath, [program, builtFolder, folder, way], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    await once(child.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, (round * 7) % 23));
    child.kill('SIGKILL');
    const [, signal] = (await once(child, 'close')) as [number | null, string];
    expect(signal).toBe('SIGKILL');
    const last = Number(printed.split('\n').slice(0, -1).at(-1));
    const found = new Checkpointer(folder).restore(like)!;
    // What was reported as saved is there; the one after may be.
    expect(found.step).toBeGreaterThanOrEqual(last);
    expect(found.step).toBeLessThanOrEqual(last + 1);
    expect(found.tree.step).toBe(found.step);
    expect(found.tree.data.every((value) => value === found.step)).toBe(true);
    expect(last).toBeGreaterThan(reported);
    reported = last;
  };
  for (let round = 0; round < 50; round++) await once9(round);
  const left = new Checkpointer(folder, { keepBest: 1, bestMode: 'max' });
  expect(left.bestStep()).toBe(1);
}, 300_000);

testWithPython('Equinox reads a checkpoint after its first line', ['equinox'], (python) => {
  const checkpoints = new Checkpointer(inFolder('python'));
  const path = checkpoints.save(3, { a: tensor([1, 2]), b: 0.5 }, { metric: 2 });
  const script = `
import json, sys
import equinox as eqx, jax.numpy as jnp
with open(sys.argv[1], 'rb') as file:
    header = json.loads(file.readline())
    tree = eqx.tree_deserialise_leaves(file, {'a': jnp.zeros(2), 'b': 0.0})
print(header['step'], header['metric'], tree['a'].tolist(), tree['b'])
`;
  expect(python.run(script, path).trim()).toBe('3 2 [1.0, 2.0] 0.5');
});
