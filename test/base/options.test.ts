import { ArgumentError } from '../../lib/base/errors';
import { requireOptions } from '../../lib/base/options';

test('known options pass, also when they are undefined', () => {
  expect(() => {
    requireOptions({ key: undefined }, ['key', 'dtype'], 'nn.Linear');
    requireOptions({}, ['key'], 'nn.Linear');
  }).not.toThrow();
});

test('an unknown option is refused with the known ones', () => {
  expect(() => {
    requireOptions({ key: 1, bias: true }, ['key', 'dtype'], 'nn.Linear');
  }).toThrow(new ArgumentError('nn.Linear: expected the options key, dtype, got "bias".'));
  expect(() => {
    requireOptions({ type: 1 }, ['dtype'], 'random.bits');
  }).toThrow('random.bits: expected the option dtype, got "type".');
});
