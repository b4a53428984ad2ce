import { hasPip, torchOfPython } from '../../lib/setup/python';
import { setVariable, useEnvironment } from '../support/environment';
import { useFolder } from '../support/folder';
import { writePython } from '../support/libtorch';

const inFolder = useFolder();
useEnvironment(() => ({ EQUINODE_PYTHON: inFolder('absent') }));

test('without Python there is neither torch nor pip', () => {
  expect(torchOfPython()).toBeUndefined();
  expect(hasPip()).toBe(false);
});

test('a Python without torch and pip has neither', () => {
  setVariable('EQUINODE_PYTHON', writePython(inFolder('bare')));
  expect(torchOfPython()).toBeUndefined();
  expect(hasPip()).toBe(false);
});

test('the folder of the torch package is found without importing it', () => {
  setVariable('EQUINODE_PYTHON', writePython(inFolder('full'), { torch: '/site/torch', pip: true }));
  expect(torchOfPython()).toBe('/site/torch');
  expect(hasPip()).toBe(true);
});
