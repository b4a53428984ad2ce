/** One environment variable that Equinode reads. */
export interface Flag {
  readonly name: string;
  /** What it does, in one line. */
  readonly meaning: string;
  /** What holds when it is not set, in words. */
  readonly default: string;
}

/** Every environment variable that Equinode reads: the one table, for `equinode doctor` and the docs. */
export const flags = [
  {
    name: 'EQUINODE_LIBTORCH',
    meaning: 'folder of the libtorch to use (it holds share/cmake/Torch)',
    default: 'the cached one, else a torch in the active Python, else a download',
  },
  {
    name: 'EQUINODE_CACHE',
    meaning: 'folder where set-up keeps libtorch',
    default: '$XDG_CACHE_HOME/equinode, else ~/.cache/equinode',
  },
  {
    name: 'EQUINODE_DEVICE',
    meaning: 'which libtorch build set-up takes: cpu or cuda',
    default: 'cuda where a driver and nvcc are found, else cpu',
  },
  {
    name: 'EQUINODE_URL',
    meaning: 'mirror of the site that libtorch is downloaded from',
    default: 'https://download.pytorch.org',
  },
  {
    name: 'EQUINODE_PYTHON',
    meaning: 'Python whose torch or pip set-up uses, and whose packages tests compare with',
    default: 'python3 of the PATH for set-up; no comparisons',
  },
  {
    name: 'EQUINODE_NUM_THREADS',
    meaning: 'threads that one operator may use on the CPU',
    default: 'the number of cores',
  },
  {
    name: 'EQUINODE_ON_ERROR',
    meaning: 'what a failed `errorIf` does: raise, nan, breakpoint or off',
    default: 'raise',
  },
  {
    name: 'EQUINODE_DEBUG',
    meaning: "1 keeps libtorch's C++ backtrace on an error's cause",
    default: 'no backtrace',
  },
] as const satisfies readonly Flag[];

export type FlagName = (typeof flags)[number]['name'];

/** The value of an environment variable; an empty one counts as not set. */
export function flag(name: FlagName): string | undefined {
  const value = process.env[name];
  return value === undefined || value === '' ? undefined : value;
}

/** The variables that are set, with their values. */
export function flagsInForce(): Partial<Record<FlagName, string>> {
  const found: Partial<Record<FlagName, string>> = {};
  for (const { name } of flags) {
    const value = flag(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}
