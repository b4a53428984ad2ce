import '../../lib/ops';
import { ones, zeros } from '../../lib/ops/create';
import { tensor } from '../../lib/tensor/create';
import { memory, trimMemory } from '../../lib/tensor/memory';
import { tidy } from '../../lib/tensor/tidy';
import { liveTensors } from '../support/collect';

test('tensors and the bytes of their storages are counted until they are disposed', () => {
  liveTensors();
  const before = memory();
  const x = zeros([100, 100]);
  const y = tensor([1, 2, 3]);
  const made = memory();
  expect([made.tensors - before.tensors, made.bytes - before.bytes]).toEqual([2, 40012]);
  x.dispose();
  y.dispose();
  expect([memory().tensors, memory().bytes]).toEqual([before.tensors, before.bytes]);
});

test('views are tensors without bytes of their own', () => {
  liveTensors();
  const x = zeros([100]);
  const before = memory();
  const view = x.reshape([10, 10]);
  expect([memory().tensors - before.tensors, memory().bytes - before.bytes]).toEqual([1, 0]);
  x.dispose();
  expect(memory().bytes).toBe(before.bytes);
  view.dispose();
  expect(memory().bytes).toBe(before.bytes - 400);
});

test('the peak is the most that a call has seen', () => {
  const x = zeros([1 << 20]);
  const { bytes } = memory();
  x.dispose();
  const after = memory();
  expect(after.peak).toBeGreaterThanOrEqual(bytes);
  expect(after.bytes).toBeLessThan(bytes);
});

test('the allocator keeps large blocks for the next tensor of their size until memory is trimmed', () => {
  liveTensors();
  trimMemory();
  const x = ones([1 << 22]);
  const used = memory().allocated;
  expect(used).toBeGreaterThanOrEqual(1 << 24);
  x.dispose();
  expect(memory().allocated).toBe(used);
  const again = ones([1 << 22]);
  expect(memory().allocated).toBe(used);
  expect(again.sum().item()).toBe(1 << 22);
  again.dispose();
  trimMemory();
  expect(memory().allocated).toBeLessThanOrEqual(used - (1 << 24));
});

test('blocks of every size hold what is written to them', () => {
  const sizes = [1, 100, 32767, 32768, 32769, 40000, 65536, 65537, 99999, 1 << 18, (1 << 20) + 1];
  const all = sizes.map((size, i) => ones([size]).mul(i + 1));
  expect(all.map((x) => x.sum({ dtype: 'float64' }).item())).toEqual(sizes.map((size, i) => size * (i + 1)));
  for (const x of all) x.dispose();
});

test('inside a scope everything counts that is live', () => {
  const before = liveTensors();
  tidy(() => {
    const x = zeros([3]);
    x.add(1).mul(2);
    expect(memory().tensors - before).toBe(3);
  });
  expect(memory().tensors).toBe(before);
});
