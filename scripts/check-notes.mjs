// Fails when a NOTE block is cited that is defined nowhere, or defined twice. A definition is the word, the name in
// square brackets, and a colon; the same without a colon cites it, in comments and in the folders' READMEs.
//
// node scripts/check-notes.mjs [folder of another tree to check]
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));
const folders = ['lib', 'native', 'test', 'scripts'];

// A comment may break the line between the word and the name, or inside the name.
const lineBreak = String.raw`\s*\n\s*(?://|\*|#)?\s*`;
const mention = new RegExp(String.raw`\bNOTE(?:[ \t]|${lineBreak})\[([^\]]+)\](:?)`, 'g');

/** @type {Map<string, string>} The place of each definition, by name. */
const definitions = new Map();
/** @type {{name: string, place: string}[]} */
const citations = [];
/** @type {string[]} */
const violations = [];

for (const folder of folders) for (const file of filesBelow(folder)) read(file);
for (const { name, place } of citations) {
  if (!definitions.has(name)) violations.push(`${place}: the note [${name}] is defined nowhere`);
}

for (const violation of violations) console.error(violation);
const verdict = violations.length === 0 ? 'all of them found' : `${violations.length} violation(s)`;
console.error(`check-notes: ${definitions.size} notes, ${citations.length} citations, ${verdict}`);
process.exitCode = violations.length === 0 ? 0 : 1;

/** @param {string} file */
function read(file) {
  const text = readFileSync(join(root, file), 'utf8');
  for (const found of text.matchAll(mention)) {
    const name = (found[1] ?? '').replace(new RegExp(lineBreak, 'g'), ' ');
    const place = `${file}:${text.slice(0, found.index).split('\n').length}`;
    const isDefinition = found[2] === ':';
    const first = definitions.get(name);
    if (!isDefinition) citations.push({ name, place });
    else if (first === undefined) definitions.set(name, place);
    else violations.push(`${place}: the note [${name}] is defined a second time, after ${first}`);
  }
}

/**
 * @param {string} folder
 * @returns {string[]} Paths from the root.
 */
function filesBelow(folder) {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && isText(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

/**
 * Sources and READMEs; the commands in scripts/ have no suffix.
 * @param {string} name
 */
function isText(name) {
  return /\.(ts|mjs|cjs|h|hpp|cpp|py|md)$/.test(name) || !name.includes('.');
}
