/** Text, or brackets around parts that go on one line where they fit and on lines of their own where they do not. */
export type Layout = string | Bracketed;

export class Bracketed {
  readonly open: string;
  readonly parts: readonly Part[];
  readonly close: string;
  /** The columns that all of it takes on one line, with the brackets and without. */
  readonly flatWidth: number;
  readonly innerWidth: number;

  constructor(open: string, parts: readonly Part[], close: string) {
    this.open = open;
    this.parts = parts;
    this.close = close;
    const separators = Math.max(0, parts.length - 1) * 2;
    this.innerWidth = parts.reduce(
      (sum, part) => sum + flatPrefix(part).length + widthOf(part.body),
      separators,
    );
    this.flatWidth = open.length + this.innerWidth + close.length;
  }
}

export interface Part {
  /** What stands before the body: `weight=` on the same line, `'key':` on its own where both do not fit. */
  readonly prefix: string;
  readonly isKey: boolean;
  readonly body: Layout;
}

/**
 * Lays text out in at most `width` columns, where that can be done. Brackets that do not fit on one line open, and
 * their parts go on one indented line if they fit there together, otherwise each on its own.
 *
 * @see wadler_lindig, whose layout this is, for the one shape of document that trees need.
 */
export function render(layout: Layout, width: number, indent: number): string {
  return renderAt(layout, 0, 0, width, indent);
}

function renderAt(layout: Layout, column: number, margin: number, width: number, indent: number): string {
  if (typeof layout === 'string') return layout.replaceAll('\n', `\n${' '.repeat(column)}`);
  if (layout.parts.length === 0 || layout.flatWidth <= width - column) return flat(layout, column);
  const inner = margin + indent;
  const fits = layout.innerWidth <= width - inner;
  const body = fits
    ? flatParts(layout.parts, inner)
    : layout.parts
        .map((part) => {
          const { prefix, isKey, body } = part;
          const start = flatPrefix(part);
          const startsLine = isKey && inner + start.length + widthOf(body) > width;
          return startsLine
            ? `${prefix}\n${' '.repeat(inner)}${renderAt(body, inner, inner, width, indent)}`
            : start + renderAt(body, inner + start.length, inner, width, indent);
        })
        .join(`,\n${' '.repeat(inner)}`);
  return `${layout.open}\n${' '.repeat(inner)}${body}\n${' '.repeat(margin)}${layout.close}`;
}

function flat(layout: Layout, column: number): string {
  if (typeof layout === 'string') return layout.replaceAll('\n', `\n${' '.repeat(column)}`);
  return layout.open + flatParts(layout.parts, column + layout.open.length) + layout.close;
}

function flatParts(parts: readonly Part[], column: number): string {
  let text = '';
  for (const part of parts) {
    if (text !== '') text += ', ';
    text += flatPrefix(part);
    text += flat(part.body, column + text.length);
  }
  return text;
}

function flatPrefix({ prefix, isKey }: Part): string {
  return isKey ? `${prefix} ` : prefix;
}

function widthOf(layout: Layout): number {
  if (typeof layout !== 'string') return layout.flatWidth;
  return Math.max(...layout.split('\n').map((line) => line.length));
}
