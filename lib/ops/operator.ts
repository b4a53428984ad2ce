import { call } from './call';
import { Plan } from './plan';

/** An operator with all its overloads; the schemas are parsed when it is first called. */
export class Operator {
  /** The name the user knows: `logSoftmax`. */
  readonly name: string;
  /** One schema for each overload, in the order in which they are tried. */
  readonly schemas: readonly string[];
  private prepared: readonly Plan[] | undefined;

  constructor(name: string, schemas: readonly string[]) {
    this.name = name;
    this.schemas = schemas;
    this.prepared = undefined;
  }

  get plans(): readonly Plan[] {
    return (this.prepared ??= this.schemas.map((line) => new Plan(line, this.name)));
  }

  /** Whether an overload takes a tensor first, so that the operator is a method too. */
  get isMethod(): boolean {
    return this.schemas.some((line) => takesTensorFirst(line));
  }
}

/** Whether the first argument is a tensor that must be given. */
export function takesTensorFirst(line: string): boolean {
  return /^[\w.:]+\(Tensor(?:\([^)]*\))? /.test(line);
}

/** What `operator` makes: a function that knows its operator. */
export interface OperatorFunction {
  (...args: unknown[]): unknown;
  readonly operator: Operator;
}

/**
 * Makes the public function of an operator; the generated code states its exact type.
 *
 * @param name     the public name, in camelCase.
 * @param schemas  ATen's schemas without `aten::`, in the order in which they are tried.
 */
export function operator(name: string, schemas: readonly string[]): OperatorFunction {
  const op = new Operator(name, schemas);
  const apply = (...args: unknown[]): unknown => call(op, args);
  Object.defineProperty(apply, 'name', { value: name });
  return Object.assign(apply, { operator: op });
}
