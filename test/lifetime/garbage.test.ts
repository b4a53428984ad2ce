import { isFull, runProgram } from '../support/program';

// The promise: 20,000 tensors of 4 MB, made without scopes or dispose in a synchronous loop, within 700 MB.
const most = 700;
const count = isFull ? 20_000 : 3_000;

interface Garbage {
  readonly most: number;
  readonly kept: number;
}

test(`${count} dropped tensors of 4 MB stay below ${most} MB`, async () => {
  const found = await runProgram<Garbage>('garbage.cjs', ['plain', count]);
  expect(found.most).toBeLessThan(most);
}, 600_000);

// 400 of them are 1,600 MB: one that is kept shows.
test.each([
  'view from a scope',
  'kept sums',
  'kept sums from a scope',
  'buffer',
  'of changing sizes',
  'tape',
  'tape that is walked',
])(
  'so do tensors of other makes: %s',
  async (kind) => {
    const found = await runProgram<Garbage>('garbage.cjs', [kind, isFull ? 5_000 : 400]);
    expect(found.most).toBeLessThan(most);
  },
  600_000,
);
