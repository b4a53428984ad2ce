import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError, FormatError } from '../base/errors';
import { requireOptions } from '../base/options';
import { systemReason } from '../base/system-error';
import { warnOnce } from '../base/warn';
import { atomicWrite, syncFolder } from './atomic-write';
import { headerBytes, infoOf, readTree, requireSound, Summary, type CheckpointInfo } from './checkpoint-file';
import { writeLeaves } from './eqx';
import { pathOf } from './random-file';

export interface CheckpointerOptions {
  /** How many of the latest checkpoints are kept. 3 unless given; Infinity keeps all. */
  readonly maxToKeep?: number | undefined;
  /** How many of the best are kept besides: those with the best metric. 0 unless given. */
  readonly keepBest?: number | undefined;
  /** Whether a smaller metric is better ('min', as for a loss), or a larger one ('max'). 'min' unless given. */
  readonly bestMode?: 'min' | 'max' | undefined;
}

export interface SaveCheckpointOptions {
  /** How good it is: a loss, an accuracy. Needed to be among the best. */
  readonly metric?: number | undefined;
}

export interface Checkpoint<T> extends CheckpointInfo {
  readonly tree: T;
}

const namePattern = /^step-(\d{12})\.ckpt$/;
const temporaryPattern = /^\.step-\d{12}\.ckpt\.[0-9a-f-]{36}\.tmp$/;

/**
 * Saves a whole run again and again into a folder, and finds the latest, or the best, again.
 *
 * A run is any tree: the model, the optimiser's state, the random key, the epoch and the position in the data. All that
 * `treeSerialiseLeaves` saves comes back bit for bit, so that a resumed run goes on as if it had never stopped.
 *
 * A checkpoint is there as a whole or not at all: it is written to a temporary file, synced to the disk, and renamed;
 * only then are old ones removed. Whenever the process is killed, the last good one is left.
 *
 * @example
 * const checkpoints = new io.Checkpointer('runs/1', { maxToKeep: 2, keepBest: 1 });
 * let run = checkpoints.restore(freshRun())?.tree ?? freshRun();
 * while (run.step < 1000) {
 *   run = train(run);
 *   checkpoints.save(run.step, run, { metric: Number(run.loss) });
 * }
 * @see orbax.checkpoint.CheckpointManager, whose names these are.
 */
export class Checkpointer {
  readonly folder: string;
  private readonly maxToKeep: number;
  private readonly keepBest: number;
  private readonly bestMode: 'min' | 'max';
  private queue: Promise<unknown> = Promise.resolve();

  /**
   * @param folder  where the checkpoints are; it is made if it is not there. What killed processes left of theirs is
   *   removed.
   * @throws ERR_ARGUMENT for an option out of its range, or a folder that cannot be made or read.
   */
  constructor(folder: string | URL, options: CheckpointerOptions = {}) {
    const op = 'Checkpointer';
    requireOptions(options, ['maxToKeep', 'keepBest', 'bestMode'], op);
    const { maxToKeep = 3, keepBest = 0, bestMode = 'min' } = options;
    requireCount(maxToKeep, 1, 'maxToKeep');
    requireCount(keepBest, 0, 'keepBest');
    if (!['min', 'max'].includes(bestMode)) {
      throw new ArgumentError(
        `${op}: expected bestMode to be 'min' or 'max', got ${JSON.stringify(bestMode)}.`,
        {
          op,
        },
      );
    }
    this.folder = pathOf(folder, op);
    this.maxToKeep = maxToKeep;
    this.keepBest = keepBest;
    this.bestMode = bestMode;
    this.inFolder(() => {
      mkdirSync(this.folder, { recursive: true });
      for (const name of readdirSync(this.folder)) {
        if (temporaryPattern.test(name) && isAbandoned(join(this.folder, name))) {
          rmSync(join(this.folder, name), { force: true });
        }
      }
    });
  }

  /**
   * Saves a tree as the checkpoint of a step, then removes those that are no longer kept. A checkpoint of the same step is
   * replaced.
   *
   * @returns the path of the file.
   * @throws ERR_ARGUMENT for a step that is no whole number from 0 on, a metric that is no number, or if it cannot be
   *   written; ERR_DISPOSED naming the leaf. Then all checkpoints are as they were.
   */
  save(step: number, tree: unknown, options: SaveCheckpointOptions = {}): string {
    const op = 'Checkpointer.save';
    const path = this.pathFor(op, step, options);
    // Twice, instead of a copy of it all: the checksum stands before the leaves.
    const summary = new Summary();
    writeLeaves(summary, tree, {}, op);
    atomicWrite(path, op, (sink) => {
      sink.write(headerBytes(step, options.metric, summary));
      writeLeaves(sink, tree, {}, op);
    });
    this.removeOld();
    return path;
  }

  /**
   * As `save`, writing while the program goes on. The values are taken at once, so that the tree's tensors may be disposed
   * or donated; saves follow each other in the order of their calls.
   *
   * @returns the path of the file, once it is there.
   * @throws as `save` does; what is wrong with the tree rejects as well.
   */
  async saveAsync(step: number, tree: unknown, options: SaveCheckpointOptions = {}): Promise<string> {
    const op = 'Checkpointer.saveAsync';
    const path = this.pathFor(op, step, options);
    const summary = new Summary();
    const pieces: Uint8Array[] = [];
    // Copies: a tree's typed arrays may be written to before the file is.
    const keep = {
      write(bytes: Uint8Array): void {
        summary.write(bytes);
        pieces.push(new Uint8Array(bytes));
      },
    };
    writeLeaves(keep, tree, {}, op);
    const header = headerBytes(step, options.metric, summary);
    const written = this.queue.then(async () => {
      await writeLater(path, [header, ...pieces], op);
      this.removeOld();
      return path;
    });
    this.queue = written.catch(() => undefined);
    return written;
  }

  /** Waits until all that `saveAsync` was asked for is written, or has failed. */
  async waitUntilFinished(): Promise<void> {
    await this.queue;
  }

  /**
   * Loads a checkpoint.
   *
   * A latest checkpoint that is damaged (by the disk: a killed process leaves none) is passed over with a warning.
   *
   * @param like  a tree of the structure that was saved, with leaves of the same kinds, shapes and dtypes. It is not
   *   changed.
   * @param which  a step, 'best', or 'latest', which it is unless given.
   * @returns the checkpoint, or `undefined` if there is none.
   * @throws ERR_FORMAT if it is of another tree, naming the path; or is damaged, where a step or the best was asked for,
   *   or no good one is left. ERR_ARGUMENT if there is none of that step.
   */
  restore<T>(like: T, which: number | 'latest' | 'best' = 'latest'): Checkpoint<T> | undefined {
    const op = 'Checkpointer.restore';
    if (which === 'latest') return this.restoreLatest(like, op);
    const chosen = which === 'best' ? this.best() : this.paths().find(({ step }) => step === which);
    if (chosen === undefined) {
      if (which === 'best') return undefined;
      throw this.noSuchStep(which, op);
    }
    requireSound(chosen.path, op);
    const info = infoOf(chosen.path) ?? { ...chosen, metric: undefined };
    return { ...info, tree: readTree(chosen.path, like, op) };
  }

  /**
   * Removes the checkpoint of a step.
   *
   * @throws ERR_ARGUMENT if there is none of that step, or it cannot be removed.
   * @see orbax.checkpoint.CheckpointManager.delete.
   */
  delete(step: number): void {
    const path = this.paths().find((checkpoint) => checkpoint.step === step)?.path;
    if (path === undefined) throw this.noSuchStep(step, 'Checkpointer.delete');
    this.inFolder(() => {
      rmSync(path);
    });
  }

  /** The steps that there are checkpoints of, in order. */
  allSteps(): number[] {
    return this.paths().map(({ step }) => step);
  }

  /** The latest step, or `undefined`. */
  latestStep(): number | undefined {
    return this.allSteps().at(-1);
  }

  /** The step with the best metric, the latest of them if there are several; `undefined` if none has one. */
  bestStep(): number | undefined {
    return this.best()?.step;
  }

  /** What there is, without the trees, in order. Checkpoints whose header is damaged are left out. */
  all(): CheckpointInfo[] {
    return this.paths().flatMap(({ path }) => infoOf(path) ?? []);
  }

  private noSuchStep(step: number, op: string): ArgumentError {
    const steps = this.allSteps().join(', ');
    return new ArgumentError(
      `${op}: expected the step of a checkpoint (${steps === '' ? 'there is none' : steps}), got ${String(step)} in ${this.folder}.`,
      { op },
    );
  }

  private paths(): { readonly step: number; readonly path: string }[] {
    const names = this.inFolder(() => readdirSync(this.folder));
    return names
      .flatMap((name) => {
        const digits = namePattern.exec(name)?.[1];
        return digits === undefined ? [] : [{ step: Number(digits), path: join(this.folder, name) }];
      })
      .sort((a, b) => a.step - b.step);
  }

  private best(): CheckpointInfo | undefined {
    return this.ranked()[0];
  }

  /** Those with a metric, the best first. */
  private ranked(): CheckpointInfo[] {
    const sign = this.bestMode === 'min' ? 1 : -1;
    return this.all()
      .filter(({ metric }) => metric !== undefined)
      .sort((a, b) => sign * ((a.metric ?? 0) - (b.metric ?? 0)) || b.step - a.step);
  }

  private restoreLatest<T>(like: T, op: string): Checkpoint<T> | undefined {
    let damage: FormatError | undefined;
    for (const { path } of this.paths().reverse()) {
      try {
        requireSound(path, op);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        damage ??= error;
        continue;
      }
      if (damage instanceof FormatError)
        warnOnce(path, `${damage.message} The one before is taken: ${path}.`);
      const info = infoOf(path);
      if (info !== undefined) return { ...info, tree: readTree(path, like, op) };
    }
    if (damage !== undefined) throw damage;
    return undefined;
  }

  private pathFor(op: string, step: number, options: SaveCheckpointOptions): string {
    requireOptions(options, ['metric'], op);
    const { metric } = options;
    if (!Number.isSafeInteger(step) || step < 0 || step >= 1e12) {
      throw new ArgumentError(
        `${op}: expected a step that is a whole number from 0 on, of at most 12 digits, got ${step}.`,
        { op },
      );
    }
    if (metric !== undefined && !Number.isFinite(metric)) {
      throw new ArgumentError(`${op}: expected a metric that is a finite number, got ${String(metric)}.`, {
        op,
      });
    }
    const name = `step-${String(step).padStart(12, '0')}.ckpt`;
    return join(this.folder, name);
  }

  private removeOld(): void {
    const paths = this.paths();
    if (paths.length <= this.maxToKeep) return;
    const kept = new Set(paths.slice(-this.maxToKeep).map(({ path }) => path));
    if (this.keepBest > 0) for (const { path } of this.ranked().slice(0, this.keepBest)) kept.add(path);
    this.inFolder(() => {
      for (const { path } of paths) if (!kept.has(path)) rmSync(path, { force: true });
    });
  }

  private inFolder<R>(body: () => R): R {
    try {
      return body();
    } catch (cause) {
      throw new ArgumentError(
        `Checkpointer: expected a folder that can be read and written, got ${systemReason(cause)} at ${this.folder}.`,
        { op: 'Checkpointer', cause },
      );
    }
  }
}

function requireCount(value: unknown, least: number, name: string): void {
  if (value === Infinity || (Number.isSafeInteger(value) && (value as number) >= least)) return;
  throw new ArgumentError(
    `Checkpointer: expected ${name} to be a whole number from ${least} on, or Infinity, got ${String(value)}.`,
    { op: 'Checkpointer' },
  );
}

/** A temporary file that is a minute old belongs to nobody: another process may be writing a younger one. */
function isAbandoned(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > 60_000;
}

async function writeLater(path: string, pieces: readonly Uint8Array[], op: string): Promise<void> {
  const slash = path.lastIndexOf('step-');
  const temporary = `${path.slice(0, slash)}.${path.slice(slash)}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      for (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new ArgumentError(
      `${op}: expected a place that can be written, got ${systemReason(cause)} at ${path}.`,
      { op, cause },
    );
  }
  syncFolder(path.slice(0, slash));
}
