import { execFileSync } from 'node:child_process';

/** The Python that `EQUINODE_PYTHON` names, for tests that compare with Python's packages. */
export interface Python {
  /** Runs a script; returns what it prints. A Python exception fails the test with its traceback. */
  run(script: string, ...args: readonly string[]): string;
}

const interpreter = process.env['EQUINODE_PYTHON'];
const importable = new Map<string, string | undefined>();

/**
 * A test that needs a Python with the given packages. Without one, the test is listed as left out, with the
 * reason in its name.
 */
export function testWithPython(
  name: string,
  packages: readonly string[],
  body: (python: Python) => void | Promise<void>,
): void {
  const reason = whyNot(packages);
  if (reason !== undefined) {
    // The one place where a test may be left out.
    test.skip(`${name} [left out: ${reason}]`, () => undefined);
    return;
  }
  const python: Python = {
    run: (script, ...args) =>
      execFileSync(interpreter ?? '', ['-c', script, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, JAX_PLATFORMS: 'cpu' },
      }),
  };
  test(name, async () => {
    await body(python);
  });
}

function whyNot(packages: readonly string[]): string | undefined {
  if (interpreter === undefined || interpreter === '') return 'EQUINODE_PYTHON is not set';
  for (const name of packages) {
    if (!importable.has(name)) importable.set(name, importError(interpreter, name));
    const error = importable.get(name);
    if (error !== undefined) return error;
  }
  return undefined;
}

function importError(python: string, name: string): string | undefined {
  const find = 'import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)';
  try {
    execFileSync(python, ['-c', find, name], { stdio: 'ignore' });
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'ENOENT' ? `EQUINODE_PYTHON names no program: ${python}` : `${python} has no ${name}`;
  }
}
