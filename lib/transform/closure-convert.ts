import { ArgumentError, TransformError } from '../base/errors';
import { call, isCallable, type Callable } from '../module';
import { native } from '../native';
import { handleOf, Tensor } from '../tensor/tensor';
import { refusePromise } from '../tensor/tidy';
import { flatten, keystr, leafPaths, register, sameStatic, type Structure } from '../tree';
import { closedProgram } from './closed-trace';
import { describeValue } from './describe';
import { takeApart } from './layout';
import { resultOf, type Program } from './program';

/** A function as a program, and what its arguments must look like. */
interface Form {
  readonly name: string;
  readonly program: Program;
  readonly structure: Structure;
  /** Tensors stand as what they look like. */
  readonly leaves: readonly unknown[];
}

interface Look {
  readonly shape: readonly number[];
  readonly dtype: Tensor['dtype'];
}

class TensorLook {
  readonly look: Look;
  constructor({ shape, dtype }: Look) {
    this.look = { shape, dtype };
  }
}

function convert(name: string, fn: Callable, args: readonly unknown[]): [Form, readonly Tensor[]] {
  if (!isCallable(fn)) {
    throw new ArgumentError(`${name}: expected a function or a module, got ${describeValue(fn)}.`, {
      op: name,
    });
  }
  const [leaves, structure] = flatten(args);
  const [tensors, layout] = takeApart(args);
  const { program, captured } = closedProgram(name, tensors, (stand) => {
    const result = call(fn as Callable<unknown[]>, ...(layout.rebuild(stand) as unknown[]));
    refusePromise(result, name);
    return result;
  });
  const looks = leaves.map((leaf) => (leaf instanceof Tensor ? new TensorLook(leaf) : leaf));
  return [{ name, program, structure, leaves: looks }, captured];
}

function apply(
  { name, program, structure, leaves }: Form,
  args: readonly unknown[],
  captured: readonly Tensor[],
): unknown {
  const [given, givenStructure] = flatten(args);
  if (!givenStructure.equals(structure)) {
    throw new TransformError(
      `${name}: expected arguments of the structure that the function was converted for, ${structure.toString()}, got ${givenStructure.toString()}.`,
      { op: name },
    );
  }
  given.forEach((leaf, i) => {
    const wanted = leaves[i];
    const fits =
      wanted instanceof TensorLook
        ? leaf instanceof Tensor &&
          leaf.dtype === wanted.look.dtype &&
          leaf.shape.join() === wanted.look.shape.join()
        : sameStatic(wanted, leaf);
    if (fits) return;
    const look =
      wanted instanceof TensorLook
        ? `${wanted.look.dtype}[${wanted.look.shape.join()}]`
        : describeValue(wanted);
    throw new TransformError(
      `${name}: expected ${look} at ${keystr(leafPaths(structure)[i] ?? [])}, as the function was converted for, got ${describeValue(leaf)}.`,
      { op: name },
    );
  });
  const inputs = [...given.filter((leaf) => leaf instanceof Tensor), ...captured];
  return resultOf(
    program,
    native().runProgram(
      program.native,
      inputs.map((tensor) => handleOf(tensor, name)),
    ),
  );
}

const parts = Symbol('equinode.converted');

interface Parts {
  readonly form: Form;
  readonly captured: readonly Tensor[];
}

/** The class of converted functions, which are nodes of trees: what they captured are their children. */
abstract class ClosureConverted {
  declare readonly [parts]: Parts;
}

Object.setPrototypeOf(ClosureConverted.prototype, Function.prototype);

register(ClosureConverted, {
  flatten(converted) {
    const { form, captured } = converted[parts];
    return [[captured], form];
  },
  unflatten([captured], form) {
    return converted(form as Form, captured as readonly Tensor[]);
  },
  names: () => ['captured'],
});

function converted(form: Form, captured: readonly Tensor[]): ClosureConverted {
  const run = (...args: unknown[]): unknown => apply(form, args, captured);
  Object.setPrototypeOf(run, ClosureConverted.prototype);
  Object.defineProperty(run, parts, { value: { form, captured } satisfies Parts });
  return run as unknown as ClosureConverted;
}

/**
 * Gives a function without its closure: what it takes from outside, which transforms cannot see, becomes visible.
 *
 * The function runs once, for arguments that look like these. Tensors that it captures, those of a module too, become
 * arguments, whichever transforms they belong to.
 *
 * @param fn  a function or module of tensors (trees of them).
 * @param args  arguments of the shapes and dtypes for which it will be called.
 * @returns `[converted, consts]`: a function of the same arguments followed by `consts`.
 * @throws ERR_TRANSFORM (when called) for arguments that look otherwise; ERR_CONCRETISATION if a value is read.
 * @example
 * const [f, consts] = closureConvert((x: Tensor) => x.mul(w), x);
 * f(x, ...consts);
 * @see jax.closure_convert. Difference: every captured tensor is among `consts`, not only differentiated ones.
 */
export function closureConvert<A extends unknown[], R>(
  fn: Callable<A, R>,
  ...args: A
): [converted: (...args: [...A, ...Tensor[]]) => R, consts: Tensor[]] {
  const [form, captured] = convert('closureConvert', fn, args);
  const count = args.length;
  const apart = (...all: unknown[]): unknown => {
    const consts = all.slice(count);
    const isWhole = consts.length === captured.length && consts.every((one) => one instanceof Tensor);
    if (isWhole) return apply(form, all.slice(0, count), consts);
    throw new TransformError(
      `closureConvert: expected ${count} argument(s) and ${captured.length} tensor(s) of the closure, got ${all.length} argument(s).`,
      { op: 'closureConvert' },
    );
  };
  return [apart as (...all: [...A, ...Tensor[]]) => R, [...captured]];
}

/**
 * As `closureConvert`, for any trees, and as one value: a function that is a node of trees, whose children are the
 * tensors that it captured. So it may be differentiated by them, mapped over them, passed to compiled functions.
 *
 * @returns a function of the same arguments.
 * @throws ERR_TRANSFORM (when called) for arguments of another structure, shape, dtype or static value.
 * @example
 * const f = filterClosureConvert((x: Tensor) => x.mul(w), x);
 * filterGrad((g: typeof f) => g(x).sum())(f); // as f, with the gradient of w in its place
 * @see equinox.filter_closure_convert.
 */
export function filterClosureConvert<A extends unknown[], R>(
  fn: Callable<A, R>,
  ...args: A
): (...args: A) => R {
  const [form, captured] = convert('filterClosureConvert', fn, args);
  return converted(form, captured) as unknown as (...args: A) => R;
}
