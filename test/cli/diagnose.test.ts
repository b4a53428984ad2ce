import { writeFileSync } from 'node:fs';
import { describe as describeDiagnosis } from '../../lib/cli/commands/doctor';
import { diagnose } from '../../lib/cli/diagnose';
import type { Diagnosis } from '../../lib/cli/diagnose';
import * as setup from '../../lib/setup';
import { setVariable, useEnvironment } from '../support/environment';
import { useFolder } from '../support/folder';
import { writeLibtorch } from '../support/libtorch';

jest.mock('../../lib/setup', () => ({
  __esModule: true,
  ...jest.requireActual<typeof setup>('../../lib/setup'),
}));

const inFolder = useFolder();
let count = 0;
useEnvironment(() => ({
  EQUINODE_LIBTORCH: undefined,
  EQUINODE_DEVICE: 'cpu',
  EQUINODE_CACHE: inFolder('cache'),
  EQUINODE_PYTHON: inFolder('absent'),
}));
afterEach(() => {
  jest.restoreAllMocks();
});

const good = {
  libtorchVersion: '2.13.0',
  libtorchFolder: '/libtorch',
  cpuCapability: 'AVX2',
  threads: 4,
  cudaDevices: 0,
  matmul: [7, 10, 15, 22],
  gradient: [7, 11, 9, 13],
};

/** Diagnoses with an addon whose probe is this program. */
function diagnoseWith(probe: string): Promise<Diagnosis> {
  const addon = inFolder('equinode.node');
  writeFileSync(addon, '');
  jest.spyOn(setup, 'addonPath').mockReturnValue(addon);
  setVariable('EQUINODE_LIBTORCH', writeLibtorch(inFolder('libtorch')));
  const file = inFolder(`probe-${(count += 1)}.js`);
  writeFileSync(file, probe);
  return diagnose(file);
}

const say = (line: object): string => `console.log(${JSON.stringify(JSON.stringify(line))});`;
const steps = [{ step: 'load' }, { step: 'matmul' }, { step: 'backward' }].map(say);

test('an installation that works is ok, with all that was found', async () => {
  const found = await diagnoseWith([...steps, say({ result: good })].join('\n'));
  expect(found).toMatchObject({
    ok: true,
    node: { version: process.versions.node, problem: null },
    libtorch: { version: '2.13.0', device: 'cpu', source: 'EQUINODE_LIBTORCH', problem: null },
    addon: { built: true, problem: null },
    probe: { result: good, failedStep: null, problem: null },
    remedies: [],
  });
  expect(found.environment['EQUINODE_DEVICE']).toBe('cpu');
  const text = describeDiagnosis(found);
  expect(text).toContain('ok backward  right');
  expect(text).toContain('AVX2, 4 threads');
  expect(text).toMatch(/Everything works\.$/);
});

test('a machine without libtorch and addon is told what to run', async () => {
  jest.spyOn(setup, 'addonPath').mockReturnValue(inFolder('none.node'));
  const found = await diagnose(inFolder('no-probe'));
  expect(found).toMatchObject({
    ok: false,
    libtorch: { problem: 'none was found' },
    addon: { built: false, problem: 'it is not built' },
    probe: null,
  });
  expect(found.remedies.at(-1)).toBe(
    'Run `npx equinode libtorch install` to get libtorch and build the addon.',
  );
  expect(describeDiagnosis(found)).toContain('!! libtorch  none was found');
});

test('a libtorch that does not fit is a finding, not an exception', async () => {
  setVariable('EQUINODE_LIBTORCH', inFolder('nowhere'));
  const found = await diagnose(inFolder('no-probe'));
  expect(found.libtorch.problem).toContain('EQUINODE_LIBTORCH: expected a folder');
});

test('an addon that does not load says why', async () => {
  const error = 'libtorch_cpu.so: cannot open shared object file';
  const found = await diagnoseWith(`${say({ step: 'load' })}${say({ error })}process.exit(1);`);
  expect(found).toMatchObject({ ok: false, addon: { problem: error }, probe: { failedStep: 'load' } });
  expect(found.remedies.at(-1)).toContain('npx equinode libtorch install');
});

test('a crash is reported with its signal and the step that it came in', async () => {
  const found = await diagnoseWith(`${steps.slice(0, 2).join('')}process.kill(process.pid, "SIGSEGV");`);
  expect(found).toMatchObject({
    ok: false,
    probe: { result: null, failedStep: 'matmul', problem: 'it ended the process with SIGSEGV' },
  });
  expect(describeDiagnosis(found)).toContain('!! matmul    it ended the process with SIGSEGV');
});

test('wrong numbers are not ok', async () => {
  const found = await diagnoseWith(steps.join('') + say({ result: { ...good, gradient: [0, 0, 0, 0] } }));
  expect(found).toMatchObject({
    ok: false,
    probe: { failedStep: 'backward', problem: 'it computed wrong numbers' },
  });
});
