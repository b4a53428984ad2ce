import { frameworks, type Comparison, type Measurement } from './run';

/** How much longer the others need than Equinode: above 1, Equinode is faster. */
export function ratio(of: Measurement, comparison: Comparison): number {
  const ours = comparison.measurements.find(({ framework }) => framework === 'Equinode');
  return of.medianMs / (ours?.medianMs ?? NaN);
}

/** The comparisons as a table in Markdown: a row each, times of a step, and how they compare. */
export function table(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map((comparison) => [
    comparison.workload,
    ...frameworks.map((framework) => {
      const found = comparison.measurements.find((one) => one.framework === framework);
      if (found === undefined) return '-';
      const beside = framework === 'Equinode' ? '' : ` (${ratio(found, comparison).toFixed(2)}x)`;
      return `${time(found.medianMs)} ±${(100 * found.spread).toFixed(0)}%${beside}`;
    }),
  ]);
  return grid(['workload', ...frameworks], rows);
}

/** First step, slowest steps and memory, in the same order. */
export function details(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap(({ workload, measurements }) =>
    measurements.map(({ framework, firstMs, slowMs, peakBytes }) => [
      workload,
      framework,
      time(firstMs),
      time(slowMs),
      `${(peakBytes / 1e6).toFixed(0)} MB`,
    ]),
  );
  return grid(['workload', 'framework', 'first step', '99th percentile', 'peak memory'], rows);
}

function time(ms: number): string {
  if (ms < 1) return `${(1000 * ms).toPrecision(3)} µs`;
  return ms < 1000 ? `${ms.toPrecision(3)} ms` : `${(ms / 1000).toPrecision(3)} s`;
}

function grid(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
