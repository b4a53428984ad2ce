import { ArgumentError } from '../../lib/base/errors';
import { requireOptions } from '../../lib/base/options';

test('known options pass, also when they are undefined', () => {
  expect(() => {
    requireOptions({ key: undefined }, ['key', 'dtype'], 'nn.Linear');
    requireOptions({}, ['key'], 'nn.Linear');
  }).not.toThrow();
});

test('what is no object is refused', () => {
  for (const [given, got] of [
    [null, 'null'],
    [3, 'number'],
    ['x', 'string'],
  ] as const) {
    expect(() => {
      requireOptions(given as never, ['stride'], 'nn.MaxPool2d');
    }).toThrow(new ArgumentError(`nn.MaxPool2d: expected an object with the option stride, got ${got}.`));
  }
});

test('an unknown option is refused with the known ones', () => {
  expect(() => {
    requireOptions({ key: 1, bias: true }, ['key', 'dtype'], 'nn.Linear');
  }).toThrow(new ArgumentError('nn.Linear: expected the options key, dtype, got "bias".'));
  expect(() => {
    requireOptions({ type: 1 }, ['dtype'], 'random.bits');
  }).toThrow('random.bits: expected the option dtype, got "type".');
});
