import { warnOnce } from '../../lib/base/warn';

test('warnOnce warns once for each subject, with a type of its own', () => {
  const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  warnOnce('a', 'first');
  warnOnce('a', 'first again');
  warnOnce('b', 'second');
  const { calls } = emitWarning.mock;
  emitWarning.mockRestore();
  expect(calls).toEqual([
    ['first', 'EquinodeWarning'],
    ['second', 'EquinodeWarning'],
  ]);
});
