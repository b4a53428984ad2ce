import type { Command } from 'commander';
import { diagnose } from '../diagnose';
import type { Diagnosis } from '../diagnose';

/** `equinode doctor [--json]`: says what is there, what is missing, and what to run; exits with 1 if something is. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      'check Node, libtorch, the addon, a matmul and a backward pass; say what to run if something is missing',
    )
    .option('--json', 'print the findings as JSON')
    .action(async (options: { json?: true }) => {
      const diagnosis = await diagnose();
      const text = options.json === true ? JSON.stringify(diagnosis, undefined, 2) : describe(diagnosis);
      process.stdout.write(`${text}\n`);
      process.exitCode = diagnosis.ok ? 0 : 1;
    });
}

/** The findings as lines for a person. */
export function describe(found: Diagnosis): string {
  const { node, libtorch, addon, probe, cuda } = found;
  const lines = [row(node.problem, 'Node', `${node.version} on ${node.platform}`)];
  lines.push(
    libtorch.problem === null
      ? row(
          null,
          'libtorch',
          `${libtorch.version} (${libtorch.device}) in ${libtorch.root}, from ${libtorch.source}`,
        )
      : row(libtorch.problem, 'libtorch', ''),
  );
  lines.push(row(addon.problem, 'addon', addon.path));
  if (probe !== null) lines.push(...rowsOfProbe(probe));
  const devices = cuda.devices === null ? '' : `, ${cuda.devices} device(s) usable`;
  lines.push(row(null, 'CUDA', `${cuda.driver ? 'driver found' : 'no driver'}${devices}`, ' '));
  lines.push(row(null, 'cache', found.cache, ' '));
  for (const [name, value] of Object.entries(found.environment)) lines.push(row(null, name, value, ' '));
  lines.push('', found.ok ? 'Everything works.' : 'What to do:');
  lines.push(...found.remedies.map((remedy) => `  - ${remedy}`));
  return lines.join('\n').trimEnd();
}

function rowsOfProbe({ result, failedStep, problem }: NonNullable<Diagnosis['probe']>): string[] {
  if (failedStep === 'load') return [];
  const matmulProblem = failedStep === 'matmul' ? problem : null;
  const lines = [row(matmulProblem, 'matmul', matmulProblem === null ? 'right' : '')];
  if (failedStep === 'backward') lines.push(row(problem, 'backward', ''));
  else if (failedStep === null) lines.push(row(null, 'backward', 'right'));
  if (result !== null) {
    const folder = result.libtorchFolder === null ? '' : ` from ${result.libtorchFolder}`;
    lines.push(row(null, 'loaded', `libtorch ${result.libtorchVersion}${folder}`, ' '));
    lines.push(row(null, 'CPU', `${result.cpuCapability}, ${result.threads} threads`, ' '));
  }
  return lines;
}

function row(problem: string | null, name: string, text: string, mark = 'ok'): string {
  const shown = problem === null ? text : [text, problem].filter((part) => part !== '').join(': ');
  return `${(problem === null ? mark : '!!').padEnd(2)} ${name.padEnd(9)} ${shown}`;
}
