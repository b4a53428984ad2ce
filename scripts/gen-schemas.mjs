// Writes lib/ops/schemas.txt: every operator of the libtorch that is loaded, one schema a line, sorted.
// Run it after an upgrade of libtorch, then scripts/gen-ops.mjs.
import { writeFileSync } from 'node:fs';
import { tsImport } from 'tsx/esm/api';

const { native } = await tsImport('../lib/native.ts', import.meta.url);
/** @type {string[]} */
const schemas = native().schemas('aten');
const target = new URL('../lib/ops/schemas.txt', import.meta.url);
writeFileSync(target, schemas.sort().join('\n') + '\n');
console.log(`lib/ops/schemas.txt: ${schemas.length} operators of libtorch ${native().libtorchVersion}`);
