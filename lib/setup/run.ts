import { spawn, spawnSync } from 'node:child_process';

export interface RunOptions {
  readonly cwd?: string | undefined;
  /** Added to this process's environment. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Leaves this terminal's standard error to the child for all its output, which is not collected then. */
  readonly showOutput?: boolean | undefined;
}

export interface RunResult {
  /** The exit status; -1 if the program could not be started or a signal ended it. */
  readonly status: number;
  /** The signal that ended it. */
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; it never throws: what went wrong is in the result. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    const shown = options.showOutput === true;
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      // Standard output belongs to the command that the user gave, so a child draws on standard error.
      stdio: ['ignore', shown ? 2 : 'pipe', shown ? 'inherit' : 'pipe'],
    });
    const kill = (): void => void child.kill();
    process.once('exit', kill);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', (error) => {
      process.removeListener('exit', kill);
      resolve({ status: -1, signal: null, stdout, stderr: stderr + error.message });
    });
    child.once('close', (status, signal) => {
      process.removeListener('exit', kill);
      resolve({ status: status ?? -1, signal, stdout, stderr });
    });
  });
}

/** What a program prints, without the white space around it; `undefined` if it is missing or fails. */
export function outputOf(program: string, args: readonly string[]): string | undefined {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: process.env,
  });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** The last lines of a program's output: where the reason of a failure stands. */
export function tail(text: string, count = 12): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
