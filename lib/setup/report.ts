import { Presets, SingleBar } from 'cli-progress';

/** Where set-up says what it does. */
export interface Report {
  /** One line: a step begins, or something was found. */
  line(text: string): void;
  /** A long step: a bar on a terminal, lines elsewhere. */
  progress(title: string, total: number, unit: ProgressUnit): Progress;
  /** Whether a child process may draw on the terminal itself. */
  readonly interactive: boolean;
}

export type ProgressUnit = 'MB' | 'files';

/** A long step under way. */
export interface Progress {
  update(done: number): void;
  /** Ends the step; without it the bar stays where an error has left it. */
  stop(): void;
}

type Output = NodeJS.WritableStream & { readonly isTTY?: boolean };

const divisors: Readonly<Record<ProgressUnit, number>> = { MB: 1e6, files: 1 };

/** Says everything on standard error, so that standard output stays what a command was asked for. */
export function consoleReport(stream: Output = process.stderr): Report {
  const interactive = stream.isTTY === true && process.env['CI'] === undefined;
  return {
    interactive,
    line: (text) => void stream.write(`${text}\n`),
    progress: (title, total, unit) =>
      interactive ? bar(stream, title, total, unit) : lines(stream, title, total, unit),
  };
}

/** Says nothing: for programs that only want the result. */
export const silentReport: Report = {
  interactive: false,
  line: () => undefined,
  progress: () => ({ update: () => undefined, stop: () => undefined }),
};

function bar(stream: Output, title: string, total: number, unit: ProgressUnit): Progress {
  const divisor = divisors[unit];
  const drawn = new SingleBar(
    {
      format: `${title} {bar} {percentage}% | {value}/{total} ${unit} | {eta_formatted}`,
      stream,
      hideCursor: true,
      clearOnComplete: false,
    },
    Presets.shades_classic,
  );
  drawn.start(Math.round(total / divisor), 0);
  return {
    update: (done) => {
      drawn.update(Math.round(done / divisor));
    },
    stop: () => {
      drawn.stop();
    },
  };
}

function lines(stream: Output, title: string, total: number, unit: ProgressUnit): Progress {
  const divisor = divisors[unit];
  const shown = (value: number): string => Math.round(value / divisor).toString();
  let tenths = 0;
  return {
    update: (done) => {
      const reached = total > 0 ? Math.floor((10 * done) / total) : 0;
      if (reached <= tenths) return;
      tenths = reached;
      stream.write(`${title}: ${reached * 10} % (${shown(done)} of ${shown(total)} ${unit})\n`);
    },
    stop: () => undefined,
  };
}
