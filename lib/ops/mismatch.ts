import { isComplex } from '../base/complex';
import { ArgumentError } from '../base/errors';
import { Tensor } from '../tensor/tensor';
import type { Plan } from './plan';

/** The error for arguments that no overload takes: what was given, and every signature there is. */
export function mismatchError(op: string, plans: readonly Plan[], args: readonly unknown[]): ArgumentError {
  const given = `(${args.map(describe).join(', ')})`;
  const forms = plans.map((plan) => `\n  ${signature(plan)}`).join('');
  const expected =
    plans.length === 1 ? 'expected arguments of this form' : 'expected arguments of one of these forms';
  return new ArgumentError(`${op}: ${expected}, got ${given}.${forms}`, { op });
}

/** The error for an option that no overload has, or that is given twice; `undefined` when all names are fine. */
export function optionError(
  op: string,
  plans: readonly Plan[],
  positional: readonly unknown[],
  names: readonly string[],
): ArgumentError | undefined {
  const fitting = plans.filter((plan) => positional.length <= plan.args.length);
  const allowed = new Set(
    fitting.flatMap((plan) => plan.args.slice(positional.length).map((arg) => arg.name)),
  );
  const unknown = names.find((name) => !allowed.has(name));
  if (unknown === undefined) return undefined;
  const known = new Set(plans.flatMap((plan) => plan.args.map((arg) => arg.name)));
  const list = allowed.size === 0 ? 'no options here' : `options among ${[...allowed].join(', ')}`;
  const got = known.has(unknown) ? `'${unknown}', which is already given by position` : `'${unknown}'`;
  return new ArgumentError(`${op}: expected ${list}, got ${got}.`, { op });
}

/** A value in an error message: `float32[2,3]` for a tensor, text in quotes, lists shortened. */
export function describe(value: unknown): string {
  if (value instanceof Tensor)
    return value.isDisposed ? 'disposed Tensor' : `${value.dtype}[${value.shape.join(',')}]`;
  if (isComplex(value)) return `${value.re}${value.im < 0 ? '' : '+'}${value.im}j`;
  if (Array.isArray(value)) {
    const shown = value.slice(0, 6).map(describe);
    if (value.length > shown.length) shown.push('...');
    return `[${shown.join(', ')}]`;
  }
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'bigint':
      return `${value.toString()}n`;
    case 'function':
      return value.name === '' ? 'a function' : `the function ${value.name}`;
    case 'object':
      return value === null ? 'null' : describeObject(value);
    default:
      return String(value);
  }
}

function describeObject(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  if (prototype !== null && prototype !== Object.prototype) return prototype.constructor?.name ?? 'an object';
  const entries = Object.entries(value).map(([name, one]) => `${name}: ${describe(one)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** An overload as JavaScript sees it: `sum(self: Tensor, dim: int[1] | null, keepdim: bool = False)`. */
function signature(plan: Plan): string {
  const parts = plan.args.map((arg, index) => {
    const fallback = plan.schema.args[index]?.defaultText;
    const type = arg.isNullable ? `${arg.label} | null` : arg.label;
    return `${arg.name}: ${type}${fallback === undefined ? '' : ` = ${fallback.toLowerCase() === 'none' ? 'null' : fallback}`}`;
  });
  return `${plan.publicName}(${parts.join(', ')})`;
}
