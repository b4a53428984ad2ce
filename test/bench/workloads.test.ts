import { workloads } from '../../lib/bench/workloads';

test('every workload has a name and a title of its own', () => {
  expect(new Set(workloads.map(({ name }) => name)).size).toBe(workloads.length);
  for (const { title } of workloads) expect(title).not.toBe('');
});

test.each(workloads.map((workload) => [workload.name, workload] as const))(
  '%s gives the same finite numbers from every start, and goes on',
  async (_, workload) => {
    const session = workload.start();
    const numbers = session.first();
    expect(numbers.length).toBeGreaterThan(0);
    for (const value of numbers) expect(Number.isFinite(value)).toBe(true);
    await session.step();
    workload
      .start()
      .first()
      .forEach((value, i) => {
        expect(value).toBeCloseTo(numbers[i] ?? NaN, 5);
      });
  },
);
