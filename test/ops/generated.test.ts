import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ops from '../../lib/ops';
import { takesTensorFirst, type OperatorFunction } from '../../lib/ops/operator';
import { camelCase, isFunctional, parseSchema } from '../../lib/ops/schema';
import { ownMembers, skipped } from '../../lib/ops/skip';
import { Tensor } from '../../lib/tensor/tensor';

const root = join(__dirname, '../..');
const lines = readFileSync(join(root, 'lib/ops/schemas.txt'), 'utf8').trimEnd().split('\n');
const functions = Object.entries(ops).filter(([, value]) => 'operator' in value) as unknown as [
  string,
  OperatorFunction,
][];
const publicSchemas = lines
  .map(parseSchema)
  .filter((schema) => isFunctional(schema) && !schema.name.startsWith('_'));

test('the committed files are what the generator writes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'equinode-ops-'));
  try {
    execFileSync(process.execPath, [join(root, 'scripts/gen-ops.mjs'), '--out', folder], { stdio: 'pipe' });
    const committed = join(root, 'lib/ops/generated');
    expect(readdirSync(folder).sort()).toEqual(readdirSync(committed).sort());
    for (const name of readdirSync(folder)) {
      expect(readFileSync(join(folder, name), 'utf8')).toBe(readFileSync(join(committed, name), 'utf8'));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every public functional operator has a function, or a reason why not', () => {
  const exposed = new Set(
    functions.flatMap(([, apply]) => apply.operator.schemas).map((line) => parseSchema(line).fullName),
  );
  const reasons = new Set(Object.keys(skipped));
  const used = new Set<string>();
  for (const schema of publicSchemas) {
    const own = schema.fullName.replace('aten::', '');
    const reason = [own, schema.name].find((key) => reasons.has(key));
    expect([own, exposed.has(schema.fullName)]).toEqual([own, reason === undefined]);
    if (reason !== undefined) used.add(reason);
  }
  expect(used).toEqual(reasons);
  expect(publicSchemas.length).toBe(1184);
  expect(new Set(publicSchemas.map((schema) => schema.name)).size).toBe(927);
});

test('every overload resolves in the loaded libtorch', () => {
  for (const [, apply] of functions) {
    for (const plan of apply.operator.plans) expect(plan.nativeId()).toBeGreaterThanOrEqual(0);
  }
});

test('every operator that takes a tensor first is a method, unless Tensor has the name itself', () => {
  for (const [name, apply] of functions) {
    const isMethod = apply.operator.schemas.some(takesTensorFirst) && !ownMembers.has(name);
    if (isMethod) expect([name, typeof Reflect.get(Tensor.prototype, name)]).toEqual([name, 'function']);
    expect(apply.name).toBe(name);
    expect(camelCase(parseSchema(apply.operator.schemas[0] ?? '').name)).toBe(name);
  }
});

test("no method hides a member of Tensor's own", () => {
  const source = readFileSync(join(root, 'lib/tensor/tensor.ts'), 'utf8');
  const own = [...source.matchAll(/^ {2}(?:get |async )?([a-z]\w*)\(/gm)].map((match) => String(match[1]));
  expect(own).toContain('item');
  expect(own.filter((name) => functions.some(([given]) => given === name) && !ownMembers.has(name))).toEqual(
    [],
  );
});

test('importing the operators loads no addon', () => {
  const script = `
    const ops = require('tsx/cjs/api').require('./lib/ops/index.ts', ${JSON.stringify(join(root, 'file.js'))});
    const isLoaded = process.report.getReport().sharedObjects.some((file) => file.endsWith('.node'));
    console.log(typeof ops.relu, isLoaded);`;
  const printed = execFileSync(process.execPath, ['-e', script], { cwd: root, encoding: 'utf8' });
  expect(printed.trim()).toBe('function false');
});
