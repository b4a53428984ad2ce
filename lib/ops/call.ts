import { native, type NativeArgument, type NativeResult } from '../native';
import { ArgumentError } from '../base/errors';
import { mismatchError, optionError } from './mismatch';
import type { Operator } from './operator';
import { Plan, tensorOrNull, type PlanArgument } from './plan';

/**
 * Calls an operator: chooses the overload, encodes the arguments, decodes what comes back.
 *
 * An overload that takes every argument as it stands wins over one that needs a number made into a tensor, and one
 * that takes them by position over one that has them by name in Python; among equals the first in the operator's order
 * wins. Arguments with a default may be named in a plain object at the end.
 *
 * @throws ERR_ARGUMENT if no overload takes the arguments, or an option is unknown.
 * @throws ERR_DISPOSED if a tensor is gone.
 */
export function call(op: Operator, args: unknown[]): unknown {
  const { plans } = op;
  for (const plan of plans) {
    if (args.length <= plan.positionalCount && takesAsTheyStand(plan, args)) return run(plan, args);
  }
  return callWithConversions(op, args);
}

/** `call` with a tensor and one more argument: the most frequent call by far, so it makes no lists on its way. */
export function callTwo(op: Operator, first: unknown, second: unknown): unknown {
  if (first === null || second === null || second === undefined) return call(op, [first, second]);
  for (const plan of op.plans) {
    const [one, two] = plan.args;
    if (two === undefined || plan.requiredCount > 2 || plan.positionalCount < 2) continue;
    if (!one!.fits(first) || !two.fits(second)) continue;
    const name = plan.publicName;
    const result = native().call(plan.nativeId(), one!.encode(first, name), two.encode(second, name));
    return plan.returnsTensor ? tensorOrNull(result) : plan.decode(result);
  }
  return call(op, [first, second]);
}

function takesAsTheyStand(plan: Plan, args: readonly unknown[]): boolean {
  const declared = plan.args;
  if (args.length > declared.length || args.length < plan.requiredCount) return false;
  for (let i = 0; i < args.length; i++) {
    const arg = declared[i];
    const value = args[i];
    if (arg === undefined) return false;
    if (value === undefined) {
      if (arg.isRequired && !arg.isNullable) return false;
    } else if (value === null) {
      if (!arg.isNullable) return false;
    } else if (!arg.fits(value)) {
      return false;
    }
  }
  return true;
}

function takesConverted(plan: Plan, args: readonly unknown[]): boolean {
  const declared = plan.args;
  if (args.length > declared.length || args.length < plan.requiredCount) return false;
  return declared.every((arg, i) => {
    const value = args[i];
    if (value === undefined) return !arg.isRequired || (arg.isNullable && i < args.length);
    return value === null ? arg.isNullable : arg.converts(value);
  });
}

/** Calls by position with arguments that are known to fit. Up to four need no list: spreading one costs more. */
function run(plan: Plan, args: readonly unknown[]): unknown {
  const id = plan.nativeId();
  const declared = plan.args;
  const op = plan.publicName;
  let result: NativeResult;
  switch (args.length) {
    case 1:
      result = native().call(id, encode(declared, args, 0, op));
      break;
    case 2:
      result = native().call(id, encode(declared, args, 0, op), encode(declared, args, 1, op));
      break;
    case 3:
      result = native().call(
        id,
        encode(declared, args, 0, op),
        encode(declared, args, 1, op),
        encode(declared, args, 2, op),
      );
      break;
    case 4:
      result = native().call(
        id,
        encode(declared, args, 0, op),
        encode(declared, args, 1, op),
        encode(declared, args, 2, op),
        encode(declared, args, 3, op),
      );
      break;
    default:
      result = native().call(id, ...args.map((_value, index) => encode(declared, args, index, op)));
  }
  return plan.returnsTensor ? tensorOrNull(result) : plan.decode(result);
}

function encode(
  declared: readonly PlanArgument[],
  args: readonly unknown[],
  index: number,
  op: string,
): NativeArgument {
  const value = args[index];
  if (value === null) return null;
  const arg = declared[index];
  if (arg === undefined) return undefined;
  if (value === undefined) return arg.isRequired ? null : undefined;
  return arg.encode(value, op);
}

/** The calls that need more than a glance: options by name, numbers in the place of tensors, and mistakes. */
function callWithConversions(op: Operator, args: readonly unknown[]): unknown {
  const last = args.at(-1);
  if (!isOptions(last)) {
    const plan =
      op.plans.find((candidate) => takesAsTheyStand(candidate, args)) ??
      op.plans.find((candidate) => takesConverted(candidate, args));
    if (plan === undefined) throw mismatchError(op.name, op.plans, args);
    return run(plan, args);
  }

  const positional = args.slice(0, -1);
  const names = Object.keys(last).filter((name) => last[name] !== undefined);
  const candidates: { plan: Plan; args: unknown[] }[] = [];
  for (const plan of op.plans) {
    const merged = merge(plan, positional, last, names);
    if (merged !== undefined) candidates.push({ plan, args: merged });
  }
  const chosen =
    candidates.find(
      (one) => positional.length <= one.plan.positionalCount && takesAsTheyStand(one.plan, one.args),
    ) ??
    candidates.find((one) => takesAsTheyStand(one.plan, one.args)) ??
    candidates.find((one) => takesConverted(one.plan, one.args));
  if (chosen !== undefined) return run(chosen.plan, chosen.args);
  throw optionError(op.name, op.plans, positional, names) ?? mismatchError(op.name, op.plans, args);
}

/** The arguments by position, or `undefined` where the overload lacks a name or has it given already. */
function merge(
  plan: Plan,
  positional: readonly unknown[],
  options: Readonly<Record<string, unknown>>,
  names: readonly string[],
): unknown[] | undefined {
  const merged = [...positional];
  for (const name of names) {
    const index = plan.args.findIndex((arg) => arg.name === name);
    if (index < positional.length) return undefined;
    while (merged.length < index) merged.push(undefined);
    merged[index] = options[name];
  }
  return merged;
}

/** Whether a last argument is an options object: a plain one, as no other argument is. */
function isOptions(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return !('re' in value && 'im' in value);
}

const namedPlans = new Map<string, Plan>();
const namespaces = new Map<string, ReadonlyMap<string, string>>();

/**
 * Calls one overload by its full name, as `callNamed('aten::index.Tensor', x, [rows, null])`: for those that have no
 * public function, such as in-place ones, names with an underscore and operators of our own. Arguments go by
 * position, and a number may stand for a tensor.
 *
 * @internal
 */
export function callNamed(fullName: string, ...args: unknown[]): unknown {
  let plan = namedPlans.get(fullName);
  if (plan === undefined) {
    plan = new Plan(schemaLine(fullName), fullName.replace(/^\w+::_*|\..*$/g, ''));
    namedPlans.set(fullName, plan);
  }
  if (!takesConverted(plan, args)) throw mismatchError(plan.publicName, [plan], args);
  return run(plan, args);
}

function schemaLine(fullName: string): string {
  const namespace = fullName.slice(0, fullName.indexOf('::'));
  let lines = namespaces.get(namespace);
  if (lines === undefined) {
    lines = new Map(
      native()
        .schemas(namespace)
        .map((line) => [line.slice(0, line.indexOf('(')), line]),
    );
    namespaces.set(namespace, lines);
  }
  const line = lines.get(fullName);
  if (line === undefined)
    throw new ArgumentError(`callNamed: expected an operator of libtorch, got ${fullName}.`);
  return line;
}
