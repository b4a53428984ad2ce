import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { flag } from '../base/flags';

// NOTE [partial folders]: whatever set-up downloads or unpacks grows in a folder of its own beside its final place and
// is renamed when it is whole, so the final name only ever stands for a complete folder. The partial folder's name
// carries the host and the process id: a process that was killed leaves one behind, and the next set-up on that host
// removes it.
const partialPrefix = '.partial-';

/** The folder where set-up keeps what it downloads: `EQUINODE_CACHE`, else the user's cache folder. */
export function cacheFolder(): string {
  const chosen = flag('EQUINODE_CACHE');
  if (chosen !== undefined) return resolve(chosen);
  const xdg = process.env['XDG_CACHE_HOME'];
  return join(xdg === undefined || xdg === '' ? join(homedir(), '.cache') : xdg, 'equinode');
}

/**
 * Fills a folder in the cache, all or nothing. See NOTE [partial folders].
 *
 * @param name The folder's name in the cache; if it is there already when `fill` is done, that one is kept.
 * @param fill Writes the contents into the folder that it is given; if it throws, nothing is left.
 * @returns The folder's path.
 */
export async function fillCached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const final = join(cacheFolder(), name);
  await withPartialFolder(async (partial) => {
    const contents = join(partial, 'contents');
    mkdirSync(contents);
    await fill(contents);
    if (existsSync(final)) return;
    try {
      renameSync(contents, final);
    } catch (error) {
      // Another set-up was faster by a moment: its folder is as good.
      if (!existsSync(final)) throw error;
    }
  });
  return final;
}

/** Lends a folder in the cache for as long as `use` runs, and removes it then, after an error or Ctrl+C too. */
export async function withPartialFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const cache = cacheFolder();
  mkdirSync(cache, { recursive: true });
  removeAbandoned(cache);
  const folder = mkdtempSync(join(cache, `${partialPrefix}${hostname()}-${process.pid}-`));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  // Removing on exit covers every way out: whoever lends a folder inside this one leaves by the same door.
  process.once('exit', remove);
  process.on('SIGINT', leaveOnInterrupt);
  process.on('SIGTERM', leaveOnTermination);
  try {
    return await use(folder);
  } finally {
    process.removeListener('SIGINT', leaveOnInterrupt);
    process.removeListener('SIGTERM', leaveOnTermination);
    process.removeListener('exit', remove);
    remove();
  }
}

// The exit statuses that a shell gives for these signals.
function leaveOnInterrupt(): void {
  process.exit(130);
}

function leaveOnTermination(): void {
  process.exit(143);
}

function removeAbandoned(cache: string): void {
  const ours = `${partialPrefix}${hostname()}-`;
  for (const name of readdirSync(cache)) {
    if (!name.startsWith(ours)) continue;
    const pid = Number(name.slice(ours.length).split('-')[0]);
    if (!isAlive(pid)) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
