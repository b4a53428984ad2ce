import { SetupError } from '../../lib/base/errors';
import { chooseDevice } from '../../lib/setup/device';
import { setVariable, useEnvironment } from '../support/environment';

useEnvironment(() => ({ EQUINODE_DEVICE: undefined }));

test("a caller's choice comes before EQUINODE_DEVICE", () => {
  setVariable('EQUINODE_DEVICE', 'cpu');
  expect(chooseDevice()).toEqual({ device: 'cpu', asked: true });
  expect(chooseDevice('cuda')).toEqual({ device: 'cuda', asked: true });
});

test('without a choice it is a guess', () => {
  expect(chooseDevice().asked).toBe(false);
});

test('an EQUINODE_DEVICE that is neither cpu nor cuda is an error', () => {
  setVariable('EQUINODE_DEVICE', 'gpu');
  expect(() => chooseDevice()).toThrow(SetupError);
  expect(() => chooseDevice()).toThrow('EQUINODE_DEVICE: expected cpu or cuda, got "gpu".');
});
