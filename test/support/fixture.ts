import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Numbers of a tensor in nested arrays; infinities and NaN are strings, as Python prints them. */
export type Numbers = number | boolean | string | readonly Numbers[];

/** Reads test/fixtures/<name>.json; the script that made it stands in scripts/fixtures. */
export function readFixture(name: string): unknown {
  return JSON.parse(readFileSync(join(__dirname, '..', 'fixtures', `${name}.json`), 'utf8'));
}

/** The numbers of a fixture as JavaScript has them. */
export function numbersOf(value: Numbers): unknown {
  if (Array.isArray(value)) return (value as readonly Numbers[]).map(numbersOf);
  if (typeof value !== 'string') return value;
  return value === 'nan' ? NaN : value === 'inf' ? Infinity : -Infinity;
}
