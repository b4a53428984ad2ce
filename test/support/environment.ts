/** Sets environment variables for each test of a file (`undefined` unsets), and puts the old ones back after it. */
export function useEnvironment(variables: () => Readonly<Record<string, string | undefined>>): void {
  const before = { ...process.env };
  beforeEach(() => {
    for (const [name, value] of Object.entries(variables())) setVariable(name, value);
  });
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) setVariable(name, undefined);
    for (const [name, value] of Object.entries(before)) setVariable(name, value);
  });
}

/** Sets or unsets one variable; `useEnvironment` puts it back after the test. */
export function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) Reflect.deleteProperty(process.env, name);
  else process.env[name] = value;
}
