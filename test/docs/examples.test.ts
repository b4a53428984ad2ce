import { dirname, join, relative, resolve } from 'node:path';
import { format } from 'node:util';
import ts from 'typescript';
import { codeIn, programOf, promisedOutput, readPage, root, tablesOf, userPages } from '../support/pages';
import { useFolder } from '../support/folder';

const pages = userPages();

describe('every TypeScript block has the types that the library has', () => {
  let problems: ReadonlyMap<string, readonly string[]>;
  beforeAll(() => {
    problems = typeProblems(
      new Map(
        pages.flatMap((page) => [
          [`${page}.mts`, programOf(readPage(page), false)],
          [`${page}.table.mts`, tableProgram(readPage(page))],
        ]),
      ),
    );
  });

  test.each(pages)('%s', (page) => {
    expect(problems.get(`${page}.mts`)).toEqual([]);
    expect(problems.get(`${page}.table.mts`)).toEqual([]);
  });
});

describe('every TypeScript block runs and prints what the page says', () => {
  const inFolder = useFolder();
  const home = process.cwd();
  beforeAll(() => {
    // Examples write files.
    process.chdir(dirname(inFolder('any')));
  });
  afterAll(() => {
    process.chdir(home);
  });

  test.each(pages)('%s', async (page) => {
    const program = programOf(readPage(page), true);
    expect(await outputOf(program)).toEqual(promisedOutput(program));
  });
});

/** The code in tables' column `Equinode`, each span in its line, with names for what it speaks of. */
function tableProgram(page: string): string {
  const lines = page.split('\n').map(() => '');
  for (const { header, rows } of tablesOf(page)) {
    const column = header.indexOf('Equinode');
    if (column < 0) continue;
    for (const row of rows) {
      const { text, line } = row[column]!;
      lines[line - 1] = codeIn(text)
        .map((code) => `{ ${code} }`)
        .join(' ');
    }
  }
  const names = Object.keys(jest.requireActual<object>('equinode'));
  lines[0] =
    `import { ${names.join(', ')}, type Callable } from 'equinode';` +
    'declare class Net extends Module { layers: [nn.Linear, nn.Linear]; forward(x: Tensor): Tensor; }' +
    'declare const x: Tensor, y: Tensor, w: Tensor, i: number, key: random.Key;' +
    'declare const model: Net, like: Net, updates: Net, params: Net, rest: Net;' +
    'declare const f: (x: Tensor) => Tensor, loss: (m: Net, x: Tensor) => Tensor;' +
    'declare const optimiser: optim.GradientTransformation, state: optim.State, path: string;' +
    'declare const dataset: { x: Tensor };';
  return lines.join('\n');
}

/** What the compiler says of files that exist only here, by their paths from the root. */
function typeProblems(programs: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const files = new Map([...programs].map(([path, text]) => [join(root, path), text]));
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile.bind(ts.sys)) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  // A user's project is strict, and not more than that.
  const more = [
    'noUnusedLocals',
    'noUnusedParameters',
    'noUncheckedIndexedAccess',
    'exactOptionalPropertyTypes',
  ];
  Object.assign(options, Object.fromEntries(more.map((name) => [name, false])), { types: ['node'] });
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  host.readFile = (file) => files.get(resolve(file)) ?? readFile(file);
  const fileExists = host.fileExists.bind(host);
  host.fileExists = (file) => files.has(resolve(file)) || fileExists(file);
  const program = ts.createProgram([...files.keys()], options, host);
  return new Map(
    [...files.keys()].map((file) => {
      const source = program.getSourceFile(file);
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
      return [relative(root, file), found.map(describeProblem)];
    }),
  );
}

function describeProblem(problem: ts.Diagnostic): string {
  const line = (problem.file?.getLineAndCharacterOfPosition(problem.start ?? 0).line ?? 0) + 1;
  return `line ${line}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`;
}

/** Runs a program and gives what each of its `console.log` prints. */
async function outputOf(program: string): Promise<string[]> {
  const { outputText } = ts.transpileModule(program, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      esModuleInterop: true,
    },
  });
  const prototype = Object.getPrototypeOf(async () => Promise.resolve()) as { constructor: unknown };
  const AsyncFunction = prototype.constructor as new (
    ...text: string[]
  ) => (...args: unknown[]) => Promise<void>;
  const printed: string[] = [];
  const log = (...values: unknown[]): void => {
    printed.push(format(...values));
  };
  const load = (name: string): unknown => jest.requireActual(name);
  await new AsyncFunction('require', 'exports', 'console', outputText)(load, {}, { log });
  return printed;
}
