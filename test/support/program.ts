import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** The folder that the TypeScript sources are compiled to: what a user of the package loads. */
export const builtFolder = join(root, 'dist');

/** Whether the tests that watch memory run as long as the promises say, instead of a part of it. */
export const isFull = process.env['EQUINODE_TEST_FULL'] === '1';

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** The Node to run it with; the one that runs the tests unless given. */
  readonly node?: string | undefined;
  readonly nodeFlags?: readonly string[] | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
}

/** Runs Node in a process of its own. */
export async function runNode(args: readonly string[], options: ProgramOptions = {}): Promise<Ended> {
  if (!existsSync(join(builtFolder, 'lib/index.js'))) {
    throw new Error(`${builtFolder} is not there: run \`npm run build:ts\` first.`);
  }
  const { node = process.execPath, nodeFlags = [], env, cwd } = options;
  const child = spawn(node, [...nodeFlags, ...args], { cwd, env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      resolve({ status, signal, stdout, stderr });
    });
  });
}

/** The path of a program of test/lifetime/programs. */
export function programPath(name: string): string {
  return join(root, 'test/lifetime/programs', name);
}

/** Runs a program of test/lifetime/programs to its end and gives what it reported. */
export async function runProgram<T>(
  name: string,
  args: readonly (string | number)[],
  options: ProgramOptions = {},
): Promise<T> {
  const ended = await runNode([programPath(name), ...args.map(String)], options);
  if (ended.status !== 0) {
    throw new Error(`${name} ended with ${ended.signal ?? ended.status}:\n${ended.stdout}${ended.stderr}`);
  }
  return JSON.parse(ended.stdout.trimEnd().split('\n').at(-1) ?? '') as T;
}
