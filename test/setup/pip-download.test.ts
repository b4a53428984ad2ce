import { readFileSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { downloadWithPip } from '../../lib/setup/pip-download';
import { silentReport } from '../../lib/setup/report';
import { setVariable, useEnvironment } from '../support/environment';
import { useFolder } from '../support/folder';
import { writePython, writeZip } from '../support/libtorch';

const inFolder = useFolder();
const log = (): string => inFolder('pip.log');
const wheelName = 'torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl';
useEnvironment(() => ({ EQUINODE_PYTHON: inFolder('python') }));
beforeEach(() => {
  rmSync(log(), { force: true });
});

function attempts(): string[][] {
  return readFileSync(log(), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string[]);
}

const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('the CPU build is asked for by its name, as pip is configured, without dependencies', async () => {
  const wheel = await writeZip(inFolder(wheelName), { a: 'b' });
  writePython(inFolder('python'), { pip: true, log: log(), wheels: { 'torch==2.13.0+cpu': [wheel] } });
  const result = await downloadWithPip('cpu', inFolder('one'), 'https://site', silentReport);
  expect('wheels' in result && result.wheels.map((path) => basename(path))).toEqual([wheelName]);
  expect(attempts()).toHaveLength(1);
  expect(attempts()[0]).toContain('--no-deps');
  expect(attempts()[0]?.some((argument) => argument.includes('https://site'))).toBe(false);
});

onLinux(
  'what pip finds nowhere is looked for at the site, then for another Python; then the reasons come back',
  async () => {
    writePython(inFolder('python'), { pip: true, log: log() });
    const result = await downloadWithPip('cpu', inFolder('two'), 'https://site', silentReport);
    const reason = 'No matching distribution found for torch==2.13.0+cpu';
    expect(result).toEqual({
      reasons: [
        `pip (torch==2.13.0+cpu as pip is configured): ${reason}`,
        `pip (torch==2.13.0+cpu from https://site): ${reason}`,
        `pip (torch==2.13.0+cpu for another Python): ${reason}`,
      ],
    });
    expect(attempts()[1]).toContain('https://site/whl/cpu');
    expect(attempts()[2]).toContain('--python-version');
  },
);

test('a pip that brings no torch has not succeeded', async () => {
  const wheel = await writeZip(inFolder('other-1.0-py3-none-any.whl'), { a: 'b' });
  const spec = process.platform === 'linux' ? 'torch==2.13.0+cpu' : 'torch==2.13.0';
  setVariable('EQUINODE_PYTHON', writePython(inFolder('odd'), { pip: true, wheels: { [spec]: [wheel] } }));
  const result = await downloadWithPip('cpu', inFolder('three'), 'https://site', silentReport);
  expect('reasons' in result && result.reasons[0]).toContain('it downloaded no wheel');
});

onLinux('the CUDA build comes with the wheels that it needs', async () => {
  const wheels = [
    await writeZip(inFolder('torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl'), { a: 'b' }),
    await writeZip(inFolder('nvidia_cudnn-9.0-py3-none-manylinux_2_27_x86_64.whl'), { a: 'b' }),
  ];
  writePython(inFolder('python'), { pip: true, log: log(), wheels: { 'torch===2.13.0': wheels } });
  const result = await downloadWithPip('cuda', inFolder('four'), 'https://site', silentReport);
  expect('wheels' in result && result.wheels).toHaveLength(2);
  expect(attempts()[0]).not.toContain('--no-deps');
});
