import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { OperatorError } from '../base/errors';

/** One framework at one workload: a process that does steps when it is asked to. See child.ts for what is said. */
export class Contender {
  readonly framework: string;
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: Interface;
  private readonly waiting: ((line: string | undefined) => void)[] = [];
  private readonly unread: string[] = [];
  private ended = false;
  private complaint = '';

  constructor(framework: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.framework = framework;
    this.process = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.lines = createInterface({ input: this.process.stdout });
    this.lines.on('line', (line) => {
      const next = this.waiting.shift();
      if (next === undefined) this.unread.push(line);
      else next(line);
    });
    this.process.stderr.on('data', (text: Buffer) => {
      this.complaint = (this.complaint + text.toString()).slice(-2000);
    });
    const end = (): void => {
      this.ended = true;
      for (const next of this.waiting.splice(0)) next(undefined);
    };
    this.process.on('error', (error) => {
      this.complaint += error.message;
      end();
    });
    this.process.on('close', end);
    // A process that is gone does not read; its end is noticed where its answer is awaited.
    this.process.stdin.on('error', () => undefined);
  }

  /** The next line that the process says, parsed. */
  async answer<T>(): Promise<T> {
    const line = this.unread.shift() ?? (this.ended ? undefined : await this.nextLine());
    if (line === undefined) {
      throw new OperatorError(
        `bench: ${this.framework} ended: ${this.complaint.trim() || 'it said nothing'}`,
        {
          op: 'bench',
        },
      );
    }
    return JSON.parse(line) as T;
  }

  async ask<T>(request: string): Promise<T> {
    this.process.stdin.write(`${request}\n`);
    return this.answer<T>();
  }

  stop(): void {
    this.process.kill('SIGKILL');
  }

  private nextLine(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }
}
