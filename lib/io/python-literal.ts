/** A value of the part of Python's literal syntax that NPY headers use; tuples and lists are both arrays. */
export type PythonLiteral = string | number | boolean | null | PythonLiteral[] | Map<string, PythonLiteral>;

const token =
  /\s*(?:(?<string>'(?:[^'\\]|\\['"\\])*'|"(?:[^"\\]|\\['"\\])*")|(?<int>-?\d+)L?|(?<name>True|False|None)|(?<mark>[{}()[\],:]))/y;
const maxDepth = 32;

/**
 * Parses a Python literal: strings, integers, booleans, None, tuples, lists and dicts with string keys.
 * Nothing is ever evaluated.
 *
 * @returns the value, or `undefined` if the text is anything else, or nested more than 32 deep.
 */
export function parsePythonLiteral(text: string): PythonLiteral | undefined {
  const tokens = tokenise(text);
  if (tokens === undefined) return undefined;
  const parser = new Parser(tokens);
  const value = parser.value(0);
  return parser.atEnd() ? value : undefined;
}

type Token = { readonly mark: string } | { readonly literal: string | number | boolean | null };

function tokenise(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  const source = text.trimEnd();
  token.lastIndex = 0;
  while (token.lastIndex < source.length) {
    const groups = token.exec(source)?.groups;
    if (groups === undefined) {
      token.lastIndex = 0;
      return undefined;
    }
    const { string, int, name, mark } = groups;
    if (string !== undefined) tokens.push({ literal: string.slice(1, -1).replace(/\\(.)/g, '$1') });
    else if (int !== undefined) tokens.push({ literal: Number(int) });
    else if (name !== undefined) tokens.push({ literal: name === 'None' ? null : name === 'True' });
    else if (mark !== undefined) tokens.push({ mark });
  }
  return tokens;
}

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  atEnd(): boolean {
    return this.at === this.tokens.length;
  }

  value(depth: number): PythonLiteral | undefined {
    const next = this.tokens[this.at++];
    if (next === undefined || depth > maxDepth) return undefined;
    if ('literal' in next) return next.literal;
    if (next.mark === '(') return this.tuple(depth);
    if (next.mark === '[') return this.items(']', depth)?.values;
    return next.mark === '{' ? this.dict(depth) : undefined;
  }

  private take(mark: string): boolean {
    const next = this.tokens[this.at];
    if (next === undefined || !('mark' in next) || next.mark !== mark) return false;
    this.at++;
    return true;
  }

  private items(end: string, depth: number): { values: PythonLiteral[]; commas: number } | undefined {
    const values: PythonLiteral[] = [];
    let commas = 0;
    while (!this.take(end)) {
      if (values.length > commas) return undefined;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      values.push(value);
      if (this.take(',')) commas++;
    }
    return { values, commas };
  }

  /** `(x)` is x; `(x,)` is a tuple. */
  private tuple(depth: number): PythonLiteral | undefined {
    const found = this.items(')', depth);
    return found?.values.length === 1 && found.commas === 0 ? found.values[0] : found?.values;
  }

  private dict(depth: number): PythonLiteral | undefined {
    const entries = new Map<string, PythonLiteral>();
    let first = true;
    while (!this.take('}')) {
      if (!first && !this.take(',')) return undefined;
      if (!first && this.take('}')) break;
      first = false;
      const key = this.value(depth + 1);
      if (typeof key !== 'string' || !this.take(':')) return undefined;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      entries.set(key, value);
    }
    return entries;
  }
}
