import { userLine } from '../../lib/base/user-line';

test('names the line that called into the library', () => {
  const named = (): string => userLine();
  expect(named()).toMatch(/^named \(.*user-line\.test\.ts:4:\d+\)$/);
  expect(Error.stackTraceLimit).toBeGreaterThan(0);
});
