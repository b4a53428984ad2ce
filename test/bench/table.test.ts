import type { Comparison, Measurement } from '../../lib/bench/run';
import { details, ratio, table } from '../../lib/bench/table';

const measured = (framework: string, medianMs: number): Measurement => ({
  framework,
  firstMs: 1500,
  medianMs,
  slowMs: 2 * medianMs,
  spread: 0.021,
  peakBytes: 123_400_000,
});

const comparison: Comparison = {
  workload: 'cnn',
  title: 'a training step',
  measurements: [measured('Equinode', 0.5), measured('JAX', 1.25)],
  failures: ['PyTorch: ended'],
};

test('a row says what a step takes, and how many times as long the others need', () => {
  expect(table([comparison])).toBe(
    [
      '| workload | Equinode   | PyTorch | torch.compile | JAX                 |',
      '| -------- | ---------- | ------- | ------------- | ------------------- |',
      '| cnn      | 500 µs ±2% | -       | -             | 1.25 ms ±2% (2.50x) |',
    ].join('\n'),
  );
  expect(ratio(measured('JAX', 1.25), comparison)).toBe(2.5);
});

test('the details name first step, slow steps and memory of each', () => {
  expect(details([comparison]).split('\n')[3]).toBe(
    '| cnn      | JAX       | 1.50 s     | 2.50 ms         | 123 MB      |',
  );
});
