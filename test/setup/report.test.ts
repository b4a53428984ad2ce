import { PassThrough } from 'node:stream';
import { consoleReport, silentReport } from '../../lib/setup/report';

function collect(): { stream: PassThrough; text: () => string } {
  const stream = new PassThrough();
  const chunks: string[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  return { stream, text: () => chunks.join('') };
}

test('without a terminal progress is a line for each tenth', () => {
  const { stream, text } = collect();
  const report = consoleReport(stream);
  expect(report.interactive).toBe(false);
  report.line('begin');
  const progress = report.progress('unpacking', 50e6, 'MB');
  for (let done = 0; done <= 50e6; done += 1e6) progress.update(done);
  progress.stop();
  const lines = text().trimEnd().split('\n');
  expect(lines[0]).toBe('begin');
  expect(lines[1]).toBe('unpacking: 10 % (5 of 50 MB)');
  expect(lines.at(-1)).toBe('unpacking: 100 % (50 of 50 MB)');
  expect(lines).toHaveLength(11);
});

test('progress of an unknown total says nothing', () => {
  const { stream, text } = collect();
  const progress = consoleReport(stream).progress('downloading', 0, 'MB');
  progress.update(10e6);
  progress.stop();
  expect(text()).toBe('');
});

test('the silent report takes everything', () => {
  silentReport.line('unheard');
  const progress = silentReport.progress('unseen', 1, 'files');
  progress.update(1);
  progress.stop();
  expect(silentReport.interactive).toBe(false);
});
