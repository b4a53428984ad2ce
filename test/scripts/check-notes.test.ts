import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { useFolder } from '../support/folder';

const inFolder = useFolder();

// Not written out, since this file is checked too.
const note = 'NOTE';

function check(
  name: string,
  files: Readonly<Record<string, string>>,
): { status: number | null; lines: string[] } {
  for (const [path, text] of Object.entries(files)) {
    const file = join(inFolder(name), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${text}\n`);
  }
  const result = spawnSync(process.execPath, ['scripts/check-notes.mjs', inFolder(name)], {
    encoding: 'utf8',
  });
  return { status: result.status, lines: result.stderr.trim().split('\n') };
}

test('a note that is defined once may be cited from any folder, also across a line', () => {
  const result = check('good', {
    'native/core/table.h': `// ${note} [slot lifetime]: a tensor lives in a slot.`,
    'lib/tensor/tensor.ts': `/**\n * See ${note} [slot\n * lifetime].\n */`,
    'scripts/setup': `# See ${note}\n# [slot lifetime].`,
    'native/README.md': `- ${note} [slot lifetime]`,
  });
  expect(result).toEqual({ status: 0, lines: ['check-notes: 1 notes, 3 citations, all of them found'] });
});

test('a citation without a definition fails', () => {
  const result = check('missing', {
    'native/core/table.h': `// ${note} [slot lifetime]: a tensor lives in a slot.`,
    'test/tensor/tensor.test.ts': `\n// See ${note} [slot lifetimes].`,
  });
  expect(result).toEqual({
    status: 1,
    lines: [
      'test/tensor/tensor.test.ts:2: the note [slot lifetimes] is defined nowhere',
      'check-notes: 1 notes, 1 citations, 1 violation(s)',
    ],
  });
});

test('a second definition fails and names the first', () => {
  const result = check('twice', {
    'lib/tree/a.ts': `// ${note} [order]: first.`,
    'lib/tree/b.ts': `// ${note} [order]: second.`,
  });
  expect(result).toEqual({
    status: 1,
    lines: [
      'lib/tree/b.ts:1: the note [order] is defined a second time, after lib/tree/a.ts:1',
      'check-notes: 1 notes, 0 citations, 1 violation(s)',
    ],
  });
});
