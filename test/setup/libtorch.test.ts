import { inspectLibtorch } from '../../lib/setup/libtorch';
import { writeLibtorch } from '../support/libtorch';
import { useFolder } from '../support/folder';

const inFolder = useFolder();

test('a folder with all that a build needs fits, with its version and device', () => {
  expect(inspectLibtorch(writeLibtorch(inFolder('cpu')))).toEqual({
    fits: true,
    version: '2.13.0',
    device: 'cpu',
  });
  expect(inspectLibtorch(writeLibtorch(inFolder('cuda'), { version: '2.14.1', cuda: true }))).toEqual({
    fits: true,
    version: '2.14.1',
    device: 'cuda',
  });
  expect(inspectLibtorch(writeLibtorch(inFolder('next'), { version: '3.0.0' })).fits).toBe(true);
});

test('a folder that does not fit says why', () => {
  const extension = process.platform === 'darwin' ? 'dylib' : 'so';
  const reasonOf = (name: string, options: Parameters<typeof writeLibtorch>[1]): string => {
    const found = inspectLibtorch(writeLibtorch(inFolder(name), options));
    return found.fits ? 'it fits' : found.reason;
  };
  expect(inspectLibtorch(inFolder('absent'))).toEqual({ fits: false, reason: 'there is no such folder' });
  expect(reasonOf('old', { version: '2.12.1' })).toBe('it is version 2.12.1, and 2.13 or newer is needed');
  expect(reasonOf('no-cmake', { without: ['share/cmake/Torch/TorchConfig.cmake'] })).toBe(
    'it has no share/cmake/Torch/TorchConfig.cmake',
  );
  expect(reasonOf('no-cpu', { without: [`lib/libtorch_cpu.${extension}`] })).toBe(
    `it has no lib/libtorch_cpu.${extension}`,
  );
  expect(reasonOf('no-version', { without: ['include/torch/headeronly/version.h'] })).toBe(
    'its headers (include/torch/headeronly/version.h) name no version',
  );
});
