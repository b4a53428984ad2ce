import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as io from '../../lib/io';
import { useFolder } from '../support/folder';
import { writeSmallMnist } from '../support/idx-files';

const root = join(__dirname, '../..');
const inFolder = useFolder();

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(...args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/mnist.ts', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended };
}

const run = (...args: readonly string[]): Promise<Ended> => start(...args).ended;

/** The arguments of a run of a few steps on 320 small images. */
function few(out: string, ...more: readonly string[]): string[] {
  return ['--data', inFolder('data'), '--out', inFolder(out), '--batch-size', '32', '--seed', '3', ...more];
}

/** The names of the checkpoints in a folder, in order. */
const checkpoints = (folder: string): string[] =>
  readdirSync(inFolder(folder))
    .filter((name) => name.endsWith('.ckpt'))
    .sort();

beforeAll(() => {
  writeSmallMnist(inFolder('data'), 320, 100);
});

describe('examples/mnist.ts', () => {
  test('trains, shows lines without a terminal, and saves', async () => {
    const { code, stdout, stderr } = await run(...few('trains', '--epochs', '4'));
    expect([code, stderr]).toEqual([0, '']);
    const last = /epoch 4\/4 trained in [\d.]+ s \(\d+ images\/s\), test accuracy ([\d.]+) %/.exec(stdout);
    expect(Number(last?.[1])).toBeGreaterThan(90);
    expect(stdout).toMatch(/^epoch 1\/4 10\/10 {2}loss \d\.\d{4} {2}\d+ images\/s$/m);
    // The latest two, and the most accurate if it is none of them.
    expect(readdirSync(inFolder('trains')).sort()).toEqual([
      'model.eqx',
      ...checkpoints('trains').filter((name) => name <= 'step-000000000020.ckpt'),
      'step-000000000030.ckpt',
      'step-000000000040.ckpt',
    ]);
    expect(checkpoints('trains').length).toBeLessThanOrEqual(3);
  }, 120_000);

  test('a resumed run ends as one that was never stopped, byte for byte', async () => {
    await run(...few('whole', '--epochs', '2'));
    await run(...few('half', '--epochs', '1'));
    const resumed = await run(
      '--data',
      inFolder('data'),
      '--epochs',
      '2',
      '--out',
      inFolder('half'),
      '--resume',
      inFolder('half'),
    );
    expect([resumed.code, resumed.stderr]).toEqual([0, '']);
    const file = (name: string) => readFileSync(inFolder(name)).toString('hex');
    expect(file('half/model.eqx') === file('whole/model.eqx')).toBe(true);
    expect(checkpoints('half')).toEqual(checkpoints('whole'));
    for (const name of checkpoints('half')) expect(file(`half/${name}`) === file(`whole/${name}`)).toBe(true);
  }, 180_000);

  test('Ctrl+C saves after the step and leaves with 130; resuming goes on in the middle of the epoch', async () => {
    const args = few('stopped', '--epochs', '100000');
    const { child, ended } = start(...args);
    await once(child.stdout ?? child, 'data');
    const sent = performance.now();
    child.kill('SIGINT');
    const stopped = await ended;
    expect([stopped.code, stopped.stderr]).toEqual([130, '']);
    expect(performance.now() - sent).toBeLessThan(10_000);
    const [, epochs, step] =
      /Stopped after epoch (\d+), step (\d+)\. Go on with --resume /.exec(stopped.stdout) ?? [];
    expect(Number(epochs) + Number(step)).toBeGreaterThan(0);
    const epoch = String(Number(epochs) + 1);
    const more = await run(
      '--data',
      inFolder('data'),
      '--epochs',
      epoch,
      '--out',
      inFolder('stopped'),
      '--resume',
      inFolder('stopped'),
    );
    expect([more.code, more.stderr]).toEqual([0, '']);
    await run(...few('straight', '--epochs', epoch));
    expect(
      readFileSync(inFolder('stopped/model.eqx')).equals(readFileSync(inFolder('straight/model.eqx'))),
    ).toBe(true);
  }, 240_000);

  test('a new run in the folder of an old one takes its place', async () => {
    await run(...few('again', '--epochs', '2'));
    const { code, stderr } = await run(...few('again', '--limit', '64'));
    expect([code, stderr]).toEqual([0, '']);
    expect(checkpoints('again')).toEqual(['step-000000000002.ckpt']);
  }, 120_000);

  describe('refuses before any work, in one line', () => {
    const refused = async (args: readonly string[], expected: string | RegExp): Promise<void> => {
      const { code, stdout, stderr } = await run(...args);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^error: [^\n]+\n$/);
      expect(stderr).toMatch(expected);
      expect(code).toBe(1);
    };

    test.each([
      ['--epochs', '0'],
      ['--epochs', '1.5'],
      ['--batch-size', 'many'],
      ['--lr', '-1'],
      ['--lr', ''],
      ['--seed', '-1'],
      ['--limit', '0'],
    ])('%s %p', (option, value) => refused([`${option}=${value}`], `option '${option} `));

    test('an unknown option, and an argument that is no option', async () => {
      await refused(['--epoch', '1'], "unknown option '--epoch'");
      await refused(['1'], 'too many arguments');
    });

    test('a device that is not there', () => refused(few('x', '--device', 'cuda:77'), /--device: .*cuda:77/));

    test('a missing folder of data, and a truncated file', async () => {
      await refused(few('x', '--data', inFolder('nothing')), /--data: mnist: expected a folder .* ENOENT/);
      writeSmallMnist(inFolder('cut'), 20, 10);
      truncateSync(inFolder('cut/t10k-images-idx3-ubyte'), 5000);
      await refused(
        few('x', '--data', inFolder('cut')),
        /--data: .*expected 7856 bytes .* got 5000 bytes in /,
      );
    });

    test('a folder that cannot be made', async () => {
      writeFileSync(inFolder('file'), '');
      await refused(few('file/x'), /--out: .*expected a folder .* got ENOTDIR/);
    });

    test('a checkpoint that is missing, cut, or of something else', async () => {
      await refused(few('x', '--resume', inFolder('no')), /--resume: ENOENT: no such file or directory/);
      await refused(few('x', '--resume', inFolder('data')), /--resume: expected a folder with checkpoints/);
      await run(...few('hurt', '--limit', '64'));
      const only = inFolder(`hurt/${checkpoints('hurt')[0] ?? ''}`);
      truncateSync(only, 5000);
      await refused(few('x', '--resume', inFolder('hurt')), /--resume: .*expected \d+ bytes .* got \d+ in /);
      rmSync(only);
      new io.Checkpointer(inFolder('hurt')).save(1, { epoch: true });
      await refused(
        few('x', '--resume', inFolder('hurt')),
        /--resume: .*: \['epoch'\]: bool\[\] in the file, a number .* in the model/,
      );
    });

    test("settings that are not the checkpoint's, and a run that is done", async () => {
      await run(...few('done', '--limit', '64'));
      const from = ['--data', inFolder('data'), '--out', inFolder('x'), '--resume', inFolder('done')];
      await refused([...from, '--epochs', '2', '--seed', '4'], /--resume: the run has seed 3, got 4/);
      await refused([...from, '--epochs', '1'], /--resume: the run has finished 1 of 1 epochs/);
    });
  });
});
