import * as cuda from '../../lib/tensor/cuda';
import '../../lib/ops/convert';
import { zeros } from '../../lib/ops/create';
import { tensor } from '../../lib/tensor/create';
import { thrown } from '../support/thrown';

test('there is a device exactly where one is counted', () => {
  const count = cuda.deviceCount();
  expect(Number.isInteger(count) && count >= 0).toBe(true);
  expect(cuda.isAvailable()).toBe(count > 0);
});

test('a device that is not there is refused by every function, with what to run', () => {
  const absent = `cuda:${cuda.deviceCount()}`;
  const uses: [string, () => unknown][] = [
    ['tensor', () => tensor([1], { device: absent })],
    ['zeros', () => zeros([1], { device: absent })],
    ['to', () => tensor([1]).to(absent)],
  ];
  for (const [op, use] of uses) {
    const error = thrown(use);
    expect([error.code, error.op]).toEqual(['ERR_DEVICE', op]);
    expect(error.message.startsWith(`${op}: expected a device that is present, got '${absent}'`)).toBe(true);
  }
  if (!cuda.isAvailable()) {
    expect(thrown(() => tensor([1], { device: 'cuda' })).message).toContain('npx equinode doctor');
  }
});
