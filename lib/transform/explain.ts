import { dtypeOfCode } from '../base/dtype';
import { keystr, leafPaths, sameStatic, type Path, type Structure } from '../tree';
import { entryPath } from '../tree/structure';
import { describeValue } from './describe';
import { tensorMark, type CallKey, type Entry } from './program-cache';

/** Longer lists of differences say no more. */
const listed = 8;

/**
 * Says in words whether a call is compiled already, and what tells it from the programs that are.
 *
 * @param label  the compiled function: `filterJit(step)`.
 * @param entries  its programs, in the order in which they were made.
 */
export function explain(
  label: string,
  entries: readonly Entry[],
  key: CallKey,
  found: Entry | undefined,
): string {
  if (found === undefined) {
    if (entries.length === 0) return `${label}: nothing is compiled yet; this call will be traced.`;
    const [closest, differences] = closestOf(entries, key);
    return `${label}: this call will be traced again. Of ${count(entries.length)}, the closest is number ${closest.number}; ${list(differences)}`;
  }
  const earlier = entries.filter((entry) => entry.number < found.number);
  const known = `${label}: this call is compiled, as number ${found.number} of ${count(entries.length)}`;
  if (earlier.length === 0) return `${known}; it was traced first.`;
  const [closest, differences] = closestOf(earlier, found);
  return `${known}. It was traced beside number ${closest.number} because ${list(differences)}`;
}

function count(programs: number): string {
  return programs === 1 ? '1 program' : `${programs} programs`;
}

function list(differences: readonly string[]): string {
  const shown = differences.slice(0, listed);
  const rest = differences.length - shown.length;
  const more = rest > 0 ? [`and ${rest} more`] : [];
  return `what differs:\n${[...shown, ...more].map((line) => `  ${line}`).join('\n')}`;
}

function closestOf(entries: readonly Entry[], key: CallKey): readonly [Entry, readonly string[]] {
  let closest: readonly [Entry, readonly string[]] | undefined;
  for (const entry of entries) {
    const found = differences(entry, key);
    if (closest === undefined || found.length <= closest[1].length) closest = [entry, found];
  }
  return closest!;
}

/** What tells two calls apart, one line for each place. */
function differences(before: CallKey, now: CallKey): readonly string[] {
  const entry = differingEntry(before.structure, now.structure);
  if (entry !== undefined) return [structureDifference(before.structure, now.structure, entry)];
  const old = looks(before);
  const current = looks(now);
  const lines: string[] = [];
  leafPaths(now.structure).forEach((path, i) => {
    const [was, is] = [before.leaves[i], now.leaves[i]];
    if (was === tensorMark && is === tensorMark ? old[i] === current[i] : sameStatic(was, is)) return;
    const [one, other] = [old[i] ?? describeValue(was), current[i] ?? describeValue(is)];
    lines.push(
      `${place(path)}: ${one} before, ${one === other ? `another one (${other}) now; it counts by identity` : `${other} now`}`,
    );
  });
  return lines;
}

/** Each tensor leaf as float32[2,3]. */
function looks({ leaves, signature }: CallKey): readonly (string | undefined)[] {
  const parts = signature.split(';');
  let next = 0;
  return leaves.map((leaf) => (leaf === tensorMark ? look(parts[next++] ?? '') : undefined));
}

/** The addon writes a tensor as its dtype's code, its device unless that is the CPU, and its sizes: `6cuda:0,2,3`. */
function look(part: string): string {
  const [, code = '', device = '', sizes = ''] = /^(\d+)(\D*(?::\d+)?)((?:,\d+)*)$/.exec(part) ?? [];
  return `${dtypeOfCode(Number(code)).name}[${sizes.slice(1)}]${device === '' ? '' : ` on ${device}`}`;
}

/** The first entry at which two structures differ; undefined for equal ones. */
function differingEntry(a: Structure, b: Structure): number | undefined {
  if (a.equals(b)) return undefined;
  for (let i = 0; ; i++) {
    const kind = a._kinds[i];
    if (kind !== b._kinds[i] || a._counts[i] !== b._counts[i]) return i;
    if (kind != null && !kind.sameFixed(a._fixed[i], b._fixed[i])) return i;
  }
}

function structureDifference(before: Structure, now: Structure, entry: number): string {
  const describe = (structure: Structure): string => {
    const kind = structure._kinds[entry];
    return kind == null ? 'a leaf' : kind.describe(structure._fixed[entry], structure._counts[entry]!);
  };
  const [was, is] = [describe(before), describe(now)];
  const where = place(entryPath(now, entry));
  return was === is ? `${where}: the static fields of ${is}` : `${where}: ${was} before, ${is} now`;
}

/** A place in `[fn, args]`. */
function place([part, position, ...rest]: Path): string {
  if (part === undefined) return 'the call';
  const isFunction = part.kind === 'index' && part.index === 0;
  if (isFunction) return `the function${at(position === undefined ? [] : [position, ...rest])}`;
  if (position === undefined) return 'the arguments';
  return `argument ${position.kind === 'index' ? position.index : keystr([position])}${at(rest)}`;
}

function at(path: Path): string {
  return path.length === 0 ? '' : ` at ${keystr(path)}`;
}
