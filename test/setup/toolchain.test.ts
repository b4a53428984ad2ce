import { missingTools } from '../../lib/setup/toolchain';
import { buildAddon } from '../../lib/setup/build-addon';
import { silentReport } from '../../lib/setup/report';
import { setVariable, useEnvironment } from '../support/environment';

useEnvironment(() => ({}));

test('on a machine without tools all of them are missing, with their packages', () => {
  setVariable('PATH', '/nowhere');
  expect(missingTools().map((tool) => tool.debianPackage)).toEqual(['g++', 'cmake', 'make']);
});

test('a build without tools stops before it begins and names what to install', async () => {
  setVariable('PATH', '/nowhere');
  const libtorch = { root: '/nowhere', version: '2.13.0', device: 'cpu', source: 'cache' } as const;
  await expect(buildAddon({ libtorch, report: silentReport })).rejects.toMatchObject({
    code: 'ERR_SETUP',
    message:
      'equinode: building the addon needs a C++20 compiler, cmake, make or ninja. ' +
      "Run `apt-get install g++ cmake make` (or your system's counterpart), then this command again.",
  });
});
