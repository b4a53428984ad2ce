import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The repository. */
export const root = join(__dirname, '..', '..');

/** The pages that users read, from the root. */
export function userPages(): string[] {
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...docs.sort().map((name) => `docs/${name}`)];
}

export function readPage(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/**
 * The TypeScript of a page as one program, every line where it stands on the page: the blocks of a page build on one
 * another. With `runnable`, without the blocks marked `no-run`.
 */
export function programOf(page: string, runnable: boolean): string {
  let inside = false;
  return page
    .split('\n')
    .map((line) => {
      const fence = /^```(\w*)(?: (.*))?$/.exec(line);
      if (fence === null) return inside ? line : '';
      inside = fence[1] === 'ts' && !(runnable && fence[2] === 'no-run');
      return '';
    })
    .join('\n');
}

/**
 * What each `console.log` of a program prints, as the page says: the comment behind the call, or the comment lines
 * below it.
 */
export function promisedOutput(program: string): string[] {
  const lines = program.split('\n');
  const promised: string[] = [];
  lines.forEach((line, i) => {
    if (!line.trimStart().startsWith('console.log(')) return;
    const behind = /\); \/\/ (.*)$/.exec(line)?.[1];
    const below = lines.slice(i + 1);
    const end = below.findIndex((next) => !next.trimStart().startsWith('//'));
    promised.push(behind ?? below.slice(0, end).map(withoutSlashes).join('\n'));
  });
  return promised;
}

function withoutSlashes(line: string): string {
  return line.trimStart().replace(/^\/\/ ?/, '');
}

export interface Cell {
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** The tables of a page, or of one of its sections. */
export function tablesOf(page: string, heading?: string): Table[] {
  const tables: { header: string[]; rows: Cell[][] }[] = [];
  let section = '';
  let previous = '';
  page.split('\n').forEach((line, i) => {
    section = /^#+ (.*)$/.exec(line)?.[1] ?? section;
    const isRow = line.startsWith('|') && (heading === undefined || heading === section);
    if (isRow && !previous.startsWith('|')) tables.push({ header: cellsOf(line), rows: [] });
    else if (isRow && !/^[|\s:-]+$/.test(line)) {
      tables.at(-1)!.rows.push(cellsOf(line).map((text) => ({ text, line: i + 1 })));
    }
    previous = line;
  });
  return tables;
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** The code spans of a text. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map((found) => found[1]!);
}

/** The files and folders of the repository that a page links to. */
export function localLinks(page: string): string[] {
  return [...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)]
    .map((found) => found[1]!)
    .filter((target) => !/^\w+:/.test(target));
}

export function exists(path: string): boolean {
  return existsSync(join(root, path));
}
