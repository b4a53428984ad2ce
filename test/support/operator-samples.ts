import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Complex } from '../../lib/base/complex';
import { isInexactDType, type DType } from '../../lib/base/dtype';
import * as ops from '../../lib/ops';
import { call } from '../../lib/ops/call';
import { describe } from '../../lib/ops/mismatch';
import type { Operator, OperatorFunction } from '../../lib/ops/operator';
import type { Plan } from '../../lib/ops/plan';
import { ownMembers } from '../../lib/ops/skip';
import { tensor } from '../../lib/tensor/create';
import { Tensor } from '../../lib/tensor/tensor';
import { readFixture } from './fixture';

/** What PyTorch says of a sample; see scripts/fixtures/operators.py, which makes them. */
export interface Facts {
  readonly random?: 1;
  readonly shape?: 1;
  /** Whether functorch maps the operator, or else why not. */
  readonly vmap?: string;
  /** The derivative along `waves`; null where there is none, PyTorch's words where it refuses. */
  readonly slope?: number | string | null;
  /** The positions among the tensors that the derivative is taken by; by all of float64 unless given. */
  readonly by?: readonly number[];
  /** The positions of tensors that are results of others, so that their numbers must stay. */
  readonly tied?: readonly number[];
  readonly rough?: 1;
}

/** A number, or what JSON has no number for. */
type NumberText = number | 'nan' | 'inf' | '-inf';

/** Numbers of a small tensor, or sums over a larger one. */
type Digest = readonly NumberText[] | { readonly wave: NumberText; readonly abs: NumberText };

interface TensorText {
  readonly t: string;
  readonly s: readonly number[];
  readonly d: readonly NumberText[];
}

interface SparseText {
  readonly layout: string;
  readonly s: readonly number[];
  readonly parts: readonly TensorText[];
}

type SampleLine = readonly [string, Readonly<Record<string, unknown>>, unknown, Facts];

/** One call of one overload. */
export interface Sample {
  /** Without the namespace: `add.Tensor`. */
  readonly overload: string;
  readonly operator: Operator;
  readonly plan: Plan;
  /** The arguments by position; `undefined` where the default stands. */
  readonly args: readonly unknown[];
  readonly expected: unknown;
  readonly facts: Facts;
}

export const dtypeOfShort: Readonly<Record<string, DType>> = {
  f32: 'float32',
  f64: 'float64',
  f16: 'float16',
  bf16: 'bfloat16',
  i8: 'int8',
  i16: 'int16',
  i32: 'int32',
  i64: 'int64',
  u8: 'uint8',
  u16: 'uint16',
  u32: 'uint32',
  u64: 'uint64',
  bool: 'bool',
  c64: 'complex64',
  c128: 'complex128',
};

/** The public operators by their ATen names. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.values(ops as unknown as Record<string, Partial<OperatorFunction>>)
    .filter((apply): apply is OperatorFunction => apply.operator instanceof Object)
    .map(({ operator }) => [operator.plans[0]!.schema.name, operator]),
);

/** Every overload that a public function has, without the namespace. */
export const overloads: readonly string[] = [...operators.values()].flatMap((operator) =>
  operator.plans.map(({ schema }) => schema.fullName.replace('aten::', '')),
);

const folder = join(__dirname, '../fixtures/ops/operators');

/** The letters that there are samples for, one file each. */
export const letters: readonly string[] = readdirSync(folder).map((name) => name.replace('.json', ''));

/** The samples of the operators that start with a letter. */
export function readSamples(letter: string): readonly Sample[] {
  return (readFixture(`ops/operators/${letter}`) as readonly SampleLine[]).map(
    ([overload, given, expected, facts]) => {
      const [name = ''] = overload.split('.');
      const operator = operators.get(name);
      const plan = operator?.plans.find(({ schema }) => schema.fullName === `aten::${overload}`);
      if (operator === undefined || plan === undefined) throw new Error(`no operator ${overload}`);
      const args = plan.schema.args.map((arg) => (arg.name in given ? decode(given[arg.name]) : undefined));
      while (args.length > 0 && args.at(-1) === undefined) args.pop();
      return { overload, operator, plan, args, expected, facts };
    },
  );
}

export function numberOf(text: NumberText): number {
  return text === 'nan' ? NaN : text === 'inf' ? Infinity : text === '-inf' ? -Infinity : text;
}

/** An argument as JavaScript gives it. Tensors are made anew by every call. */
function decode(text: unknown): unknown {
  if (Array.isArray(text)) return text.map(decode);
  if (typeof text !== 'object' || text === null) return text;
  if ('re' in text && 'im' in text) return new Complex(decode(text.re) as number, decode(text.im) as number);
  if ('f' in text) return numberOf(text.f as NumberText);
  return 'parts' in text ? sparse(text as SparseText) : dense(text as TensorText);
}

function dense({ t, s, d }: TensorText): Tensor {
  const dtype = dtypeOfShort[t]!;
  const flat = d.map(numberOf);
  if (!dtype.startsWith('complex')) {
    return tensor(dtype === 'bool' ? flat.map(Boolean) : flat, { dtype }).reshape(s);
  }
  const real = dtype === 'complex64' ? 'float32' : 'float64';
  return ops.viewAsComplex(tensor(flat, { dtype: real }).reshape([...s, 2]));
}

function sparse({ layout, s, parts }: SparseText): Tensor {
  const [first, second, third] = parts.map(dense) as [Tensor, Tensor, Tensor];
  if (layout === 'mkldnn') return first.toMkldnn();
  if (layout === 'sparse_coo') return ops.sparseCooTensor(first, second, s, { dtype: second.dtype });
  return ops.sparseCompressedTensor(first, second, third, s, {
    layout: layout as 'sparse_csr',
    dtype: third.dtype,
  });
}

/** The sum of all numbers weighted with the cosines of 1, 2, 3 ..., and the sum of their sizes. */
function sums(numbers: readonly number[]): { wave: number; abs: number } {
  let [wave, abs] = [0, 0];
  numbers.forEach((one, i) => {
    if (Number.isNaN(one)) return;
    wave += one * Math.cos(i + 1);
    abs += Math.abs(one);
  });
  return { wave, abs };
}

/** A tensor of whatever layout as a strided one. */
function asStrided(value: Tensor): Tensor {
  return isStrided(value) ? value : value.toDense();
}

/** Whether a tensor has strides, as those of sparse layouts and of oneDNN have not. */
export function isStrided(value: Tensor): boolean {
  try {
    value.asStrided([0], [1]);
    return true;
  } catch {
    return false;
  }
}

/** The numbers of a tensor in row-major order; of a complex one, real and imaginary parts in turns. */
export function flat(value: Tensor): number[] {
  const plain = asStrided(value);
  const real = plain.dtype.startsWith('complex') ? ops.viewAsReal(plain.resolveConj().resolveNeg()) : plain;
  return Array.from(real.toTypedArray() as unknown as ArrayLike<number>, Number);
}

/** The tensors of a tree of arguments or results, in their order. */
export function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  return Array.isArray(value) ? value.flatMap(tensorsIn) : [];
}

/** The same tree with other tensors in their places. */
export function withTensors(value: unknown, tensors: readonly Tensor[]): unknown {
  const rest = tensors.values();
  const replace = (one: unknown): unknown => {
    if (one instanceof Tensor) return rest.next().value;
    return Array.isArray(one) ? one.map(replace) : one;
  };
  return replace(value);
}

/** The call of a sample as a function of its tensors: what stands in position goes so, the rest by name. */
export function asFunction({ operator, plan, args }: Sample): (...tensors: Tensor[]) => unknown {
  return (...tensors) => call(operator, splitOptions(plan, withTensors(args, tensors) as unknown[]));
}

/** The forms in which the call can be written, by name. */
export function forms(sample: Sample): Record<string, () => unknown> {
  const { operator, plan, args } = sample;
  const all: Record<string, () => unknown> = { 'by name': () => call(operator, splitOptions(plan, args)) };
  const isPositional = args.length <= plan.positionalCount;
  if (isPositional) all['by position'] = () => call(operator, [...args]);
  const [self, ...rest] = args;
  if (self instanceof Tensor && operator.isMethod && !ownMembers.has(operator.name)) {
    const method = Reflect.get(self, operator.name) as (...given: unknown[]) => unknown;
    if (isPositional) all['as a method'] = () => method.apply(self, rest);
    all['as a method, by name'] = () => method.apply(self, splitOptions(plan, args).slice(1));
  }
  return all;
}

/** Required arguments by position, the others in an options object. */
function splitOptions(plan: Plan, args: readonly unknown[]): unknown[] {
  const count = plan.args.findIndex((arg) => !arg.isRequired);
  const required = count < 0 ? args.length : Math.min(count, args.length);
  const options: Record<string, unknown> = {};
  args.slice(required).forEach((value, i) => {
    if (value !== undefined) options[plan.args[required + i]!.name] = value;
  });
  const positional = args.slice(0, required);
  return Object.keys(options).length === 0 ? positional : [...positional, options];
}

/** How far two numbers may be apart, relative to the larger of 1 and their size, by the dtype they were made in. */
const tolerances: Readonly<Record<string, number>> = {
  float64: 1e-7,
  complex128: 1e-7,
  float32: 2e-5,
  complex64: 2e-5,
  float16: 4e-3,
  bfloat16: 3e-2,
};

function isNear(actual: number, expected: number, dtype: string, size = Math.abs(expected)): boolean {
  if (Object.is(actual, expected) || actual === expected) return true;
  return Math.abs(actual - expected) <= (tolerances[dtype] ?? 1e-8) * Math.max(1, size);
}

/** Where a result differs from what PyTorch gave; empty where it does not. */
export function differenceFrom(expected: unknown, actual: unknown, at = ''): string {
  if (actual instanceof Tensor) return tensorDifference(expected as readonly unknown[], actual, at);
  if (Array.isArray(actual) && Array.isArray(expected)) {
    if (actual.length !== expected.length) return `${at}: ${actual.length} parts, not ${expected.length}`;
    for (const [i, one] of actual.entries()) {
      const difference = differenceFrom(expected[i], one, `${at}[${i}]`);
      if (difference !== '') return difference;
    }
    return '';
  }
  const wanted =
    expected === null && actual === undefined ? undefined : expected === null ? null : decode(expected);
  const given = typeof actual === 'bigint' ? Number(actual) : actual;
  const isSame =
    typeof given === 'number' && typeof wanted === 'number'
      ? isNear(given, wanted, 'float32')
      : given === wanted;
  return isSame ? '' : `${at}: ${describe(given)}, not ${describe(wanted)}`;
}

function formOf(value: Tensor): string {
  return `${isStrided(value) ? 'strided' : 'another layout'} ${value.dtype}[${value.shape.join(',')}]`;
}

function tensorDifference(expected: readonly unknown[], actual: Tensor, at: string): string {
  const isSparse = typeof expected[1] === 'string';
  const [short, shape, digest] = (isSparse ? expected.slice(1) : expected) as [string, number[], Digest?];
  const form = formOf(actual);
  const wantedForm = `${isSparse ? 'another layout' : 'strided'} ${dtypeOfShort[short]}[${shape.join(',')}]`;
  if (form !== wantedForm) return `${at}: ${form}, not ${wantedForm}`;
  if (digest === undefined) return '';
  const numbers = flat(actual);
  if ('wave' in digest) {
    const { wave, abs } = sums(numbers);
    const [wantedWave, wantedAbs] = [numberOf(digest.wave), numberOf(digest.abs)];
    const isSame = isNear(wave, wantedWave, actual.dtype, wantedAbs) && isNear(abs, wantedAbs, actual.dtype);
    return isSame ? '' : `${at}: sums ${wave} and ${abs}, not ${digest.wave} and ${digest.abs}`;
  }
  const wrong = numbers.findIndex((one, i) => !isNear(one, numberOf(digest[i]!), actual.dtype));
  return wrong < 0 ? '' : `${at}: ${numbers[wrong]} at ${wrong}, not ${digest[wrong]}`;
}

/** Where two results differ; empty where they do not. */
export function differenceBetween(
  actual: unknown,
  expected: unknown,
  sample: Pick<Sample, 'facts'>,
  at = '',
): string {
  if (expected instanceof Tensor) {
    if (!(actual instanceof Tensor)) return `${at}: ${describe(actual)}, not a tensor`;
    const [form, wanted] = [actual, expected].map(formOf);
    if (form !== wanted) return `${at}: ${form}, not ${wanted}`;
    if (sample.facts.shape === 1) return '';
    const [a, b] = [flat(actual), flat(expected)];
    const wrong = a.findIndex((one, i) => !isNear(one, b[i]!, expected.dtype));
    return wrong < 0 ? '' : `${at}: ${a[wrong]} at ${wrong}, not ${b[wrong]}`;
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length)
      return `${at}: not ${expected.length} parts`;
    for (const [i, one] of expected.entries()) {
      const difference = differenceBetween(actual[i], one, sample, `${at}[${i}]`);
      if (difference !== '') return difference;
    }
    return '';
  }
  if (expected instanceof Complex && actual instanceof Complex)
    return String(actual) === String(expected) ? '' : at;
  return Object.is(actual, expected) ? '' : `${at}: ${describe(actual)}, not ${describe(expected)}`;
}

/** The cosines of 1, 2, 3 ... in the shape of a tensor. */
export function wavesLike(x: Tensor): Tensor {
  return ops
    .arange(1, x.size + 1, { dtype: 'float64' })
    .cos()
    .reshape(x.shape);
}

/** The sum of all inexact numbers of a result, weighted with `wavesLike`. */
export function weighted(result: unknown): Tensor {
  return tensorsIn(result)
    .filter((one) => isInexactDType(one.dtype) && isStrided(one))
    .map((one) => (one.dtype.startsWith('complex') ? ops.viewAsReal(one.resolveConj().resolveNeg()) : one))
    .map((one) => one.to('float64').mul(wavesLike(one)).sum())
    .reduce((total, one) => total.add(one), ops.zeros([], { dtype: 'float64' }));
}

/** A second value for a tensor: inexact numbers a tenth smaller, others as they are. */
export function shrunk(x: Tensor): Tensor {
  return isInexactDType(x.dtype) ? x.mul(0.9) : x;
}
