import { dtypeInfo, type DType } from '../base/dtype';

/** How the elements of one tensor are written, all to the same width. */
export interface Column {
  /** The characters that an element takes with the comma and space after it. */
  readonly step: number;
  /** The text of the element at a position in row-major order. */
  print(position: number): string;
}

const digits = 4;

/** Chooses how to write elements: from the magnitudes of all of them, as PyTorch does. */
export function columnsOf(
  { flat, count }: { readonly flat: ArrayLike<number | bigint>; readonly count: number },
  dtype: DType,
): Column {
  const { kind } = dtypeInfo(dtype);
  if (kind === 'complex') return complexColumn(flat as ArrayLike<number>, count);
  if (kind === 'float') {
    const style = styleOf(flat as ArrayLike<number>);
    return { step: style.width + 2, print: (i) => style.print(Number(flat[i])) };
  }
  const text = (i: number): string =>
    kind === 'bool' ? (Number(flat[i]) === 0 ? 'False' : 'True') : String(flat[i]);
  let width = 0;
  for (let i = 0; i < count; i++) width = Math.max(width, text(i).length);
  return { step: width + 2, print: (i) => text(i).padStart(width) };
}

function complexColumn(pairs: ArrayLike<number>, count: number): Column {
  const real = styleOf(Array.from({ length: count }, (_none, i) => pairs[2 * i] ?? 0));
  const imaginary = styleOf(Array.from({ length: count }, (_none, i) => pairs[2 * i + 1] ?? 0));
  return {
    step: real.width + imaginary.width + 3,
    print: (i) => {
      const tail = `${imaginary.print(pairs[2 * i + 1] ?? 0)}j`.trimStart();
      return real.print(pairs[2 * i] ?? 0) + (tail.startsWith('-') ? tail : `+${tail}`);
    },
  };
}

interface Style {
  readonly width: number;
  print(value: number): string;
}

function styleOf(values: ArrayLike<number>): Style {
  const judged = Array.from(values).filter((value) => Number.isFinite(value) && value !== 0);
  let largest = 0;
  let smallest = Infinity;
  for (const value of judged) {
    largest = Math.max(largest, Math.abs(value));
    smallest = Math.min(smallest, Math.abs(value));
  }
  const isWhole = judged.every(Number.isInteger);
  const isSpread = judged.length > 0 && (largest / smallest > 1000 || largest > 1e8);
  const isScientific = isSpread || (!isWhole && smallest < 1e-4);
  const finite = isScientific
    ? scientific
    : isWhole
      ? (value: number): string => `${signed(value, (x) => String(x))}.`
      : (value: number): string => signed(value, fixed);
  const write = (value: number): string =>
    Number.isFinite(value) ? finite(value) : Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  let width = 1;
  for (const value of judged) width = Math.max(width, write(value).length);
  return { width, print: (value) => write(value).padStart(width) };
}

/** Keeps the sign of -0, which JavaScript's own conversions drop. */
function signed(value: number, write: (magnitude: number) => string): string {
  return (value < 0 || Object.is(value, -0) ? '-' : '') + write(Math.abs(value));
}

function scientific(value: number): string {
  return signed(value, (magnitude) => {
    const rounded = magnitude.toExponential(digits);
    const [mantissa = '', exponent = '0'] = toEven(rounded, magnitude.toExponential(digits + 25)).split('e');
    const size = exponent.replace(/^[+-]/, '').padStart(2, '0');
    return `${mantissa}e${exponent.startsWith('-') ? '-' : '+'}${size}`;
  });
}

function fixed(magnitude: number): string {
  return toEven(magnitude.toFixed(digits), magnitude.toFixed(digits + 21));
}

/**
 * JavaScript rounds a tie up, C and Python to the even digit. `exact` has enough digits to tell a tie: one needs at
 * most a single digit more than is kept.
 */
function toEven(rounded: string, exact: string): string {
  const [mantissa = '', exponent] = exact.split('e');
  const kept = mantissa.indexOf('.') + 1 + digits;
  if (!/^50*$/.test(mantissa.slice(kept)) || !/[02468]$/.test(mantissa.slice(0, kept))) return rounded;
  return mantissa.slice(0, kept) + (exponent === undefined ? '' : `e${exponent}`);
}
