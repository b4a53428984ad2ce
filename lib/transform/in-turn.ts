import { availableParallelism } from 'node:os';
import { native } from '../native';

interface Task {
  /** Whether no other task may run beside it: what it does to the outside must come in its turn too. */
  readonly alone: boolean;
  /** Starts it; settles without a throw once it has ended. */
  readonly begin: () => Promise<void>;
}

/** How many programs may run at once so that each of their threads has a core. */
function atOnce(): number {
  return Math.max(1, Math.floor(availableParallelism() / native().numThreads()));
}

/**
 * Runs tasks on worker threads, as many at once as there are cores for. Each begins in its turn, and its promise settles
 * in its turn, whichever is ready first.
 */
export class InTurn {
  private readonly waiting: Task[] = [];
  private running = 0;
  private isAlone = false;
  private last: Promise<unknown> = Promise.resolve();

  run<T>(alone: boolean, begin: () => Promise<T>): Promise<T> {
    const done = new Promise<T>((resolve, reject) => {
      this.waiting.push({ alone, begin: () => begin().then(resolve, reject) });
    });
    // Until its turn comes nobody waits for it.
    done.catch(() => undefined);
    const result = this.last.then(() => done);
    this.last = result.catch(() => undefined);
    this.begin();
    return result;
  }

  private begin(): void {
    for (let next = this.waiting[0]; next !== undefined && this.mayBegin(next); next = this.waiting[0]) {
      this.waiting.shift();
      this.running++;
      this.isAlone = next.alone;
      void next.begin().finally(() => {
        this.running--;
        this.isAlone = false;
        this.begin();
      });
    }
  }

  private mayBegin({ alone }: Task): boolean {
    return this.running === 0 || (!alone && !this.isAlone && this.running < atOnce());
  }
}
