// Fails when an import or an #include points up the layers of layers.json, at a library that its layer may not know
// (napi.h outside native/napi and addon.cpp is one case), or round in a circle. Type-only imports obey the same table and
// are left out of the search for circles, since they are gone at run time.
//
// node scripts/check-layers.mjs [folder of another tree to check]
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** @typedef {{file: string, line: number, specifier: string, target: string | undefined, isTypeOnly: boolean}} Link */
/** @typedef {{layers: string[], libraries: string[]}} NativeLayer */

const tables = JSON.parse(readFileSync(new URL('./layers.json', import.meta.url), 'utf8'));
const root = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));

/** @type {string[]} */
const violations = [];
const scripts = checkTypeScript();
const sources = checkNative();
checkExamples();

for (const violation of violations) console.error(violation);
const verdict = violations.length === 0 ? 'all imports point down' : `${violations.length} violation(s)`;
console.error(`check-layers: ${scripts} TypeScript and ${sources} C++ files, ${verdict}`);
process.exitCode = violations.length === 0 ? 0 : 1;

function checkTypeScript() {
  const { folder, layers, packages } = tables.typescript;
  const files = filesBelow(folder, /\.ts$/);
  const links = files.flatMap(importsOf);
  for (const file of files) {
    if (layers[layerOf(file, folder)] === undefined) complain(file, 1, `is in no layer of layers.json`);
  }
  for (const link of links) {
    const from = layerOf(link.file, folder);
    if (link.target === undefined) {
      const isOwn = /^equinode(\/|$)/.test(link.specifier);
      const users = packages[link.specifier];
      if (isOwn || (users !== undefined && !users.includes(from))) {
        complain(link.file, link.line, `${from} may not import the package ${link.specifier}`);
      }
      continue;
    }
    const to = layerOf(link.target, folder);
    if (from !== to && !(layers[from] ?? []).includes(to)) {
      complain(link.file, link.line, `${from} may not import ${to} (${link.specifier})`);
    }
  }
  reportCycles(
    files,
    links.filter((link) => !link.isTypeOnly),
  );
  return files.length;
}

function checkNative() {
  const { folder, layers, restricted } = tables.native;
  const files = filesBelow(folder, /\.(h|hpp|cpp)$/).filter((file) => layerOf(file, folder) !== 'stub');
  const links = files.flatMap(includesOf);
  for (const file of files) {
    if (layers[layerOf(file, folder)] === undefined) complain(file, 1, `is in no layer of layers.json`);
  }
  for (const link of links) {
    const from = layerOf(link.file, folder);
    /** @type {NativeLayer} */
    const allowed = layers[from] ?? { layers: [], libraries: [] };
    if (link.target !== undefined) {
      const to = layerOf(link.target, folder);
      if (from !== to && !allowed.layers.includes(to)) {
        complain(link.file, link.line, `${from} may not include ${to} (${link.specifier})`);
      }
    } else if (
      restricted.some(isPrefixOf(link.specifier)) &&
      !allowed.libraries.some(isPrefixOf(link.specifier))
    ) {
      complain(link.file, link.line, `${from} may not include ${link.specifier}`);
    }
  }
  reportCycles(files, links);
  return files.length;
}

/** Examples are users: they import the package by its name. */
function checkExamples() {
  for (const file of filesBelow('examples', /\.ts$/)) {
    for (const link of importsOf(file)) {
      if (link.target?.startsWith('lib/')) {
        complain(file, link.line, `examples import 'equinode', not its files (${link.specifier})`);
      }
    }
  }
}

/** @param {string} path */
function isPrefixOf(path) {
  return (/** @type {string} */ prefix) => path === prefix || path.startsWith(`${prefix}/`);
}

/**
 * The layer of a file: its first folder below `folder`, or its own name, without .ts, right there.
 * @param {string} file
 * @param {string} folder
 */
function layerOf(file, folder) {
  const first = relative(folder, file).split('/')[0] ?? '';
  return first.replace(/\.ts$/, '');
}

/**
 * @param {string} folder
 * @param {RegExp} pattern
 * @returns {string[]} Paths from the root.
 */
function filesBelow(folder, pattern) {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
    .sort();
}

/**
 * @param {string} file
 * @returns {Link[]}
 */
function importsOf(file) {
  const text = readFileSync(join(root, file), 'utf8');
  const typeOnly = typeOnlyPositions(ts.createSourceFile(file, text, ts.ScriptTarget.Latest));
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName, pos }) => ({
    file,
    line: lineAt(text, pos),
    specifier: fileName,
    target: fileName.startsWith('.') ? moduleAt(join(dirname(file), fileName)) : undefined,
    isTypeOnly: typeOnly.some(([start, end]) => start <= pos && pos < end),
  }));
}

/**
 * Where the imports and exports stand that the compiler erases.
 * @param {ts.SourceFile} source
 * @returns {(readonly [number, number])[]}
 */
function typeOnlyPositions(source) {
  /** @type {(readonly [number, number])[]} */
  const ranges = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    const isErased =
      (ts.isImportDeclaration(node) && isErasedImport(node.importClause)) ||
      (ts.isExportDeclaration(node) && node.isTypeOnly) ||
      ts.isImportTypeNode(node);
    if (isErased) ranges.push([node.pos, node.end]);
    else ts.forEachChild(node, visit);
  };
  visit(source);
  return ranges;
}

/** @param {ts.ImportClause | undefined} clause */
function isErasedImport(clause) {
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const names = clause.namedBindings;
  return (
    clause.name === undefined &&
    names !== undefined &&
    ts.isNamedImports(names) &&
    names.elements.length > 0 &&
    names.elements.every((element) => element.isTypeOnly)
  );
}

/** @param {string} path */
function moduleAt(path) {
  const candidates = [path, `${path}.ts`, join(path, 'index.ts'), path.replace(/\.js$/, '.ts')];
  return candidates.find((candidate) => existsSync(join(root, candidate)) && isFile(candidate)) ?? path;
}

/** @param {string} path */
function isFile(path) {
  return statSync(join(root, path)).isFile();
}

/**
 * @param {string} file
 * @returns {Link[]}
 */
function includesOf(file) {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]/gm)].map((match) => {
    const specifier = match[1] ?? '';
    const places = [specifier, join(dirname(file), specifier)];
    return {
      file,
      line: lineAt(text, match.index),
      specifier,
      target: places.find((place) => place.startsWith('native/') && existsSync(join(root, place))),
      isTypeOnly: false,
    };
  });
}

/**
 * @param {string} text
 * @param {number} position
 */
function lineAt(text, position) {
  return text.slice(0, position).split('\n').length;
}

/**
 * Reports one circle for every file from which the search runs into one.
 * @param {string[]} files
 * @param {Link[]} links
 */
function reportCycles(files, links) {
  /** @type {Map<string, Set<string>>} */
  const next = new Map(files.map((file) => [file, new Set()]));
  for (const { file, target } of links) {
    if (target !== undefined && target !== file) next.get(file)?.add(target);
  }
  /** @type {Set<string>} */
  const finished = new Set();
  /** @type {string[]} */
  const path = [];
  /** @param {string} file */
  const visit = (file) => {
    const at = path.indexOf(file);
    if (at >= 0) {
      complain(file, 1, `imports go in a circle: ${[...path.slice(at), file].join(' -> ')}`);
      return;
    }
    if (finished.has(file)) return;
    path.push(file);
    for (const target of next.get(file) ?? []) visit(target);
    path.pop();
    finished.add(file);
  };
  for (const file of files) visit(file);
}

/**
 * @param {string} file
 * @param {number} line
 * @param {string} text
 */
function complain(file, line, text) {
  violations.push(`${file}:${line}: ${text}`);
}
