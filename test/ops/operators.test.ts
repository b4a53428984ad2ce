import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ones } from '../../lib';
import { isFunctional, parseSchema, type Schema } from '../../lib/ops/schema';
import type { Answer } from '../support/operator-answer';
import { ask, furtherQuestions, isReached, questions, type Question } from '../support/operator-check';
import { leftOut, refusals, unreached, type Refusal } from '../support/operator-exceptions';
import {
  isStrided,
  letters,
  overloads,
  readSamples,
  tensorsIn,
  type Sample,
} from '../support/operator-samples';
import { readPage, root } from '../support/pages';

/**
 * Every public functional operator, overload by overload, against what PyTorch gave for the samples of
 * test/fixtures/ops/operators, which scripts/fixtures/operators.py makes.
 */
const ofLetter = new Map<string, readonly Sample[]>();

function samplesOf(letter: string): readonly Sample[] {
  const known = ofLetter.get(letter) ?? readSamples(letter);
  ofLetter.set(letter, known);
  return known;
}

const allSamples = (): Sample[] => letters.flatMap((letter) => samplesOf(letter));
const listed = (text: string): string[] => text.trim().split(/\s+/);
const used = new Set<string>();
const refusalsOf = new Map<string, Refusal[]>();
for (const refusal of refusals) {
  for (const overload of listed(refusal.overloads)) {
    const key = `${refusal.question} ${overload}`;
    refusalsOf.set(key, [...(refusalsOf.get(key) ?? []), refusal]);
  }
}

/** What a question must be answered with for reasons that the sample itself shows. */
function expectedOf(question: Question, { facts, args }: Sample): RegExp | undefined {
  if (facts.random === 1 && (question === 'jit' || question === 'vmap')) {
    return /^ERR_TRANSFORM: \w+: expected an operator that gives the same result every time/;
  }
  if (question === 'jit' && !tensorsIn(args).every(isStrided)) {
    return /^ERR_ARGUMENT: expected a tensor of strided layout/;
  }
  const isNumber = facts.slope === 'nan';
  if (question === 'grad' && typeof facts.slope === 'string' && !isNumber) return /^ERR_TRANSFORM: /;
  return undefined;
}

/** The answer if it is not the right one; empty if it is. */
function wrong(question: Question, sample: Sample): Answer {
  const said = ask(question, sample);
  if (said === undefined) return '';
  const known = refusalsOf.get(`${question} ${sample.overload}`)?.find(({ says }) => says.test(said));
  if (known !== undefined) {
    used.add(`${question} ${sample.overload} ${String(known.says)}`);
    return '';
  }
  const expected = expectedOf(question, sample);
  if (expected === undefined ? said === '' : expected.test(said)) return '';
  return said === '' ? `no error, not ${String(expected)}` : said;
}

/** The wrong answers to some questions about all samples of a letter. */
function findings(letter: string, asked: readonly Question[]): string[] {
  return samplesOf(letter).flatMap((sample) =>
    asked
      .map((question) => [question, wrong(question, sample)])
      .filter(([, said]) => said !== '')
      .map(([question, said]) => `${question} ${sample.overload}: ${said}`),
  );
}

// Calls go below autograd until some tensor of the process has asked for gradients, and through it from then on.
describe.each(['below autograd', 'through autograd'])('%s', (path) => {
  beforeAll(() => {
    if (path === 'through autograd') ones([]).requiresGrad_().dispose();
  });

  test.each(letters)(
    "operators of %s: eager is PyTorch's, jit is eager, vmap is a loop, gradients are slopes",
    (letter) => {
      expect(findings(letter, questions)).toEqual([]);
    },
  );
});

test.each(letters)(
  'operators of %s: forward mode is reverse mode, transforms of transforms agree',
  (letter) => {
    expect(findings(letter, furtherQuestions)).toEqual([]);
  },
);

test('every overload has samples or a reason why not, and none both', () => {
  const sampled = new Set(allSamples().map(({ overload }) => overload));
  const reasons = leftOut.flatMap((group) => listed(group.overloads));
  expect(reasons.filter((one) => sampled.has(one))).toEqual([]);
  expect([...sampled, ...reasons].sort()).toEqual([...overloads].sort());
});

test('the samples reach the overloads that they are of', () => {
  const reached = new Set(
    allSamples()
      .filter(isReached)
      .map(({ overload }) => overload),
  );
  const missed = new Set(
    allSamples()
      .map(({ overload }) => overload)
      .filter((one) => !reached.has(one)),
  );
  expect([...missed].sort()).toEqual(unreached.flatMap((group) => listed(group.overloads)).sort());
});

test('no listed refusal is out of date', () => {
  const all = refusals.flatMap(({ question, says, overloads: of }) =>
    listed(of).map((overload) => `${question} ${overload} ${String(says)}`),
  );
  expect(all.filter((one) => !used.has(one))).toEqual([]);
  expect(refusals.filter(({ says, reason }) => reason === '' || says.test(''))).toEqual([]);
});

test('a wrong number and a wrong slope are found', () => {
  const sample = samplesOf('z').find(({ facts }) => typeof facts.slope === 'number')!;
  const [dtype, shape] = sample.expected as [string, number[], unknown];
  const wrongResult = { ...sample, expected: [dtype, shape, { wave: 1e3, abs: 1e3 }] };
  const wrongSlope = { ...sample, facts: { ...sample.facts, slope: 1e3 } };
  expect([ask('eager', sample), ask('grad', sample)]).toEqual(['', '']);
  expect(ask('eager', wrongResult)).toMatch(/^by name: : sums .* not 1000 and 1000$/);
  expect(ask('grad', wrongSlope)).toMatch(/^slope .*, not 1000$/);
});

test('docs/operators.md has the counts', () => {
  const lines = readFileSync(join(root, 'lib/ops/schemas.txt'), 'utf8')
    .trimEnd()
    .split('\n')
    .map(parseSchema);
  const isPublic = (schema: Schema): boolean => isFunctional(schema) && !schema.name.startsWith('_');
  const missing = lines.filter(isPublic).length - overloads.length;
  const counts: [string, number][] = [
    ['all', lines.length],
    ['public and functional', lines.filter(isPublic).length],
    [`with a function here (\`lib/ops/skip.ts\` says why ${missing} have none)`, overloads.length],
    ['with samples', new Set(allSamples().map(({ overload }) => overload)).size],
    ['left out, with a reason', leftOut.flatMap((group) => listed(group.overloads)).length],
    ['samples', allSamples().length],
    ...leftOut.map(({ reason, overloads: of }): [string, number] => [reason, listed(of).length]),
  ];
  const page = readPage('docs/operators.md').replace(/ +/g, ' ');
  expect(counts.filter(([what, count]) => !page.includes(`| ${what} | ${count} |`))).toEqual([]);
});
