import { SetupError } from '../../lib/base/errors';
import { cachedRoot, findLibtorch } from '../../lib/setup/find-libtorch';
import { setVariable, useEnvironment } from '../support/environment';
import { useFolder } from '../support/folder';
import { writeLibtorch, writePython } from '../support/libtorch';

const inFolder = useFolder();
let count = 0;
useEnvironment(() => ({
  EQUINODE_LIBTORCH: undefined,
  EQUINODE_DEVICE: 'cpu',
  EQUINODE_CACHE: inFolder(`cache-${(count += 1)}`),
  EQUINODE_PYTHON: inFolder('absent'),
}));

test('nothing on the machine is nothing found', () => {
  expect(findLibtorch()).toBeUndefined();
});

test('the order is EQUINODE_LIBTORCH, the cache, the active Python', () => {
  const ofPython = writeLibtorch(inFolder('site/torch'), { version: '2.14.0' });
  setVariable('EQUINODE_PYTHON', writePython(inFolder('python'), { torch: ofPython }));
  expect(findLibtorch()).toEqual({ root: ofPython, version: '2.14.0', device: 'cpu', source: 'python' });
  const cached = writeLibtorch(cachedRoot('cpu'));
  expect(findLibtorch()).toEqual({ root: cached, version: '2.13.0', device: 'cpu', source: 'cache' });
  const named = writeLibtorch(inFolder('named'), { version: '2.13.1' });
  setVariable('EQUINODE_LIBTORCH', named);
  expect(findLibtorch()).toEqual({
    root: named,
    version: '2.13.1',
    device: 'cpu',
    source: 'EQUINODE_LIBTORCH',
  });
});

test('an EQUINODE_LIBTORCH that does not fit is an error, even when another one is there', () => {
  writeLibtorch(cachedRoot('cpu'));
  setVariable('EQUINODE_LIBTORCH', inFolder('nowhere'));
  expect(() => findLibtorch()).toThrow(SetupError);
  expect(() => findLibtorch()).toThrow(
    `EQUINODE_LIBTORCH: expected a folder with a libtorch that fits, got ${inFolder('nowhere')}: there is no such folder.`,
  );
});

test('an EQUINODE_LIBTORCH without CUDA is an error where CUDA was asked for', () => {
  setVariable('EQUINODE_LIBTORCH', writeLibtorch(inFolder('cpu-build')));
  expect(findLibtorch()?.device).toBe('cpu');
  expect(() => findLibtorch({ device: 'cuda' })).toThrow(
    'it is a CPU build, and the CUDA build was asked for',
  );
});

test('a torch of Python that does not fit is passed over, with the reason', () => {
  const lines: string[] = [];
  const report = {
    interactive: false,
    line: (text: string) => void lines.push(text),
    progress: () => ({ update: () => undefined, stop: () => undefined }),
  };
  const old = writeLibtorch(inFolder('old/torch'), { version: '2.4.0' });
  setVariable('EQUINODE_PYTHON', writePython(inFolder('old-python'), { torch: old }));
  expect(findLibtorch({ report })).toBeUndefined();
  const cuda = writeLibtorch(inFolder('cuda/torch'), { cuda: true });
  setVariable('EQUINODE_PYTHON', writePython(inFolder('cuda-python'), { torch: cuda }));
  expect(findLibtorch({ report })).toBeUndefined();
  expect(lines).toEqual([
    `the torch of the active Python (${old}) is not used: it is version 2.4.0, and 2.13 or newer is needed`,
    `the torch of the active Python (${cuda}) is not used: it is the cuda build, and cpu is wanted`,
  ]);
  expect(findLibtorch({ device: 'cuda' })?.root).toBe(cuda);
});

test('the two builds have their own places in the cache', () => {
  writeLibtorch(cachedRoot('cpu'));
  expect(findLibtorch({ device: 'cuda' })).toBeUndefined();
  const cuda = writeLibtorch(cachedRoot('cuda'), { cuda: true });
  expect(findLibtorch({ device: 'cuda' })?.root).toBe(cuda);
  expect(findLibtorch()?.root).toBe(cachedRoot('cpu'));
});
