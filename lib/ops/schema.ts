/**
 * One type in a schema: a base with its list and None markers, such as `SymInt[2]?` or `Tensor?[]`.
 */
export interface SchemaType {
  /** The innermost type without markers: `Tensor`, `Scalar`, `SymInt`, `ScalarType` ... */
  readonly base: string;
  readonly isList: boolean;
  /** The length that a list must have, where the schema gives one; one value then stands for all. */
  readonly length: number | undefined;
  /** Whether None may stand for the whole value. */
  readonly isOptional: boolean;
  /** Whether None may stand for an element of the list. */
  readonly hasOptionalElements: boolean;
  /** The text between the parentheses of an alias annotation: `a`, `a!`, `a -> *`. */
  readonly alias: string | undefined;
}

export interface SchemaArgument {
  /** The name in ATen's schema. */
  readonly name: string;
  /** The name in JavaScript: the same in camelCase. */
  readonly publicName: string;
  readonly type: SchemaType;
  /** The default as the schema writes it, or `undefined` for a required argument. */
  readonly defaultText: string | undefined;
  readonly isKeywordOnly: boolean;
}

export interface SchemaReturn {
  readonly name: string | undefined;
  readonly type: SchemaType;
}

/** An operator's schema, taken apart. */
export interface Schema {
  /** With namespace and overload: `aten::add.Tensor`. */
  readonly fullName: string;
  /** Without them: `add`. */
  readonly name: string;
  /** The part after the dot, empty for the default overload. */
  readonly overload: string;
  readonly args: readonly SchemaArgument[];
  readonly returns: readonly SchemaReturn[];
}

/** `log_softmax` to `logSoftmax`; leading underscores stay, trailing ones go. */
export function camelCase(name: string): string {
  const trimmed = name.replace(/_+$/, '');
  const lead = /^_*/.exec(trimmed)?.[0] ?? '';
  const rest = trimmed
    .slice(lead.length)
    .replace(/_+([a-zA-Z0-9])/g, (_all, next: string) => next.toUpperCase());
  return lead + rest;
}

/**
 * Takes a schema line apart.
 *
 * @param line  as libtorch prints it; `aten::` may be left out.
 * @throws SyntaxError if the line is not a schema.
 * @see torch/csrc/jit/frontend/function_schema_parser.cpp (v2.13.0) for the grammar.
 */
export function parseSchema(line: string): Schema {
  const head = /^(?:([A-Za-z_]\w*)::)?([A-Za-z_]\w*)(?:\.(\w+))?\(/.exec(line);
  if (head === null)
    throw new SyntaxError(`parseSchema: expected an operator's name, got ${JSON.stringify(line)}.`);
  const [start, namespace = 'aten', name = '', overload = ''] = head;
  const close = closing(line, start.length - 1);
  const arrow = /^\s*->\s*/.exec(line.slice(close + 1));
  if (arrow === null) throw new SyntaxError(`parseSchema: expected returns, got ${JSON.stringify(line)}.`);

  const args: SchemaArgument[] = [];
  let isKeywordOnly = false;
  for (const part of splitTopLevel(line.slice(start.length, close))) {
    if (part === '*') isKeywordOnly = true;
    else args.push(parseArgument(part, isKeywordOnly, line));
  }
  return {
    fullName: `${namespace}::${name}${overload === '' ? '' : `.${overload}`}`,
    name,
    overload,
    args,
    returns: parseReturns(line.slice(close + 1 + arrow[0].length).trim()),
  };
}

/** Whether the operator writes to none of its arguments: no `!` in the schema. */
export function isFunctional(schema: Schema): boolean {
  return !schema.args.some((arg) => arg.type.alias?.includes('!') === true);
}

/** Parses a type such as `Tensor(a!)[]`, `SymInt[1]?` or `Dict(int, Tensor)`. */
export function parseType(text: string): SchemaType {
  const [, head = '', markers = ''] = /^(Dict\(.*\)|[\w.]+(?:\([^)]*\))?)((?:\[\d*\]|\?)*)$/.exec(text) ?? [];
  if (head === '') throw new SyntaxError(`parseSchema: expected a type, got ${JSON.stringify(text)}.`);
  const alias = head.startsWith('Dict(') ? undefined : /\(([^)]*)\)$/.exec(head)?.[1];
  const list = /\[(\d*)\]/.exec(markers);
  return {
    base: alias === undefined ? head : head.slice(0, head.indexOf('(')),
    isList: list !== null,
    length: list?.[1] === undefined || list[1] === '' ? undefined : Number(list[1]),
    isOptional: list === null ? markers.includes('?') : markers.endsWith('?'),
    hasOptionalElements: markers.startsWith('?['),
    alias,
  };
}

function parseArgument(text: string, isKeywordOnly: boolean, line: string): SchemaArgument {
  const match = /^(.*?)\s(\w+)(?:=(.*))?$/.exec(text);
  if (match === null)
    throw new SyntaxError(`parseSchema: expected an argument, got ${JSON.stringify(text)} in ${line}.`);
  const [, type = '', name = '', defaultText] = match;
  return { name, publicName: camelCase(name), type: parseType(type), defaultText, isKeywordOnly };
}

function parseReturns(text: string): SchemaReturn[] {
  const isTuple = text.startsWith('(') && closing(text, 0) === text.length - 1;
  return splitTopLevel(isTuple ? text.slice(1, -1) : text).map((part) => {
    const named = /^(.*[^,\s])\s(\w+)$/.exec(part);
    return named === null
      ? { name: undefined, type: parseType(part) }
      : { name: named[2], type: parseType(named[1] ?? '') };
  });
}

/** The index of the parenthesis that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    const char = text[i];
    if (char === '"') i = text.indexOf('"', i + 1);
    else if (char === '(') depth++;
    else if (char === ')' && --depth === 0) return i;
  }
  throw new SyntaxError(`parseSchema: expected a closing parenthesis, got ${JSON.stringify(text)}.`);
}

/** Splits at the commas that stand in no bracket and in no string. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') i = text.indexOf('"', i + 1);
    else if (char === '(' || char === '[') depth++;
    else if (char === ')' || char === ']') depth--;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  const last = text.slice(start).trim();
  if (last !== '') parts.push(last);
  return parts;
}
