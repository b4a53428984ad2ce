/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.test.json' }] },
  moduleNameMapper: {
    '^equinode$': '<rootDir>/lib/index.ts',
    '^equinode/tree$': '<rootDir>/lib/tree/public.ts',
    '^equinode/(.*)$': '<rootDir>/lib/$1/index.ts',
  },
  setupFiles: ['<rootDir>/test/support/setup.ts'],
  testTimeout: 60000,
};
