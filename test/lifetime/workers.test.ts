import { isFull, runProgram } from '../support/program';

interface Rounds {
  /** Whether every worker computed what it should. */
  readonly right: boolean;
  /** Resident memory in MB after each round. */
  readonly samples: readonly number[];
  readonly own: readonly number[];
}

const ways: [string, string][] = [
  ['come to their end', 'return'],
  ['call process.exit', 'exit'],
  ['throw', 'throw'],
  ['are terminated while they compute', 'computing'],
  ['are terminated while their operators fail', 'failing'],
  ['are terminated while they read values', 'reading'],
  ['are terminated inside grad inside vmap', 'in a transform'],
  ['are terminated while they compile', 'in a trace'],
  ['are terminated while compiled programs run on other threads', 'awaiting a program'],
];

test.each(ways)(
  'eight threads at once, again and again, that %s',
  async (_words, way) => {
    const rounds = isFull ? 20 : 3;
    const found = await runProgram<Rounds>('workers.cjs', [way, rounds]);
    expect(found.right).toBe(true);
    expect(found.own).toEqual([2, 2, 2]);
    expect(found.samples.length).toBe(rounds);
  },
  600_000,
);

test('twenty times over, memory does not grow: the later ten rounds stay within 20 MB of the first ten', async () => {
  const found = await runProgram<Rounds>('workers.cjs', ['in a transform', 20]);
  expect(found.right).toBe(true);
  // The first rounds make malloc's arenas, one for every few threads that run at once.
  const [early, late] = [found.samples.slice(0, 10), found.samples.slice(10)];
  expect(Math.max(...late) - Math.max(...early)).toBeLessThan(20);
}, 600_000);
