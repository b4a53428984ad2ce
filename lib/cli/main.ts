#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { EquinodeError } from '../base/errors';
import { flags } from '../base/flags';
import { packageRoot } from '../setup';
import { addBench } from './commands/bench';
import { addDoctor } from './commands/doctor';
import { addLibtorch } from './commands/libtorch';

/** The command line as an object; `main` runs it. */
export function createProgram(): Command {
  const manifest = readFileSync(join(packageRoot(), 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const program = new Command('equinode')
    .description('Equinox for Node: set-up and diagnosis')
    .version(version)
    .showHelpAfterError()
    .addHelpText('after', `\nEnvironment:\n${environmentHelp()}`);
  addBench(program);
  addDoctor(program);
  addLibtorch(program);
  return program;
}

function environmentHelp(): string {
  return flags.map(({ name, meaning }) => `  ${name.padEnd(22)}${meaning}`).join('\n');
}

async function main(): Promise<void> {
  try {
    await createProgram().parseAsync();
  } catch (error) {
    if (!(error instanceof EquinodeError)) throw error;
    // A set-up that cannot work is news for a person, not a stack trace.
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

if (require.main === module) void main();
