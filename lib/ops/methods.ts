import { Tensor } from '../tensor/tensor';
import { call, callTwo } from './call';
import * as generated from './generated';
import type { Operator, OperatorFunction } from './operator';
import { ownMembers } from './skip';

/** The method form of an operator: the tensor goes before the arguments. */
function methodOf(op: Operator): (this: Tensor, ...rest: unknown[]) => unknown {
  return function (this: Tensor, first?: unknown, second?: unknown, ...rest: unknown[]): unknown {
    if (rest.length > 0) return call(op, [this, first, second, ...rest]);
    if (second !== undefined) return call(op, [this, first, second]);
    return first === undefined ? call(op, [this]) : callTwo(op, this, first);
  };
}

/** Installs every operator that takes a tensor first as a method of `Tensor`; the generated files state the types. */
function installMethods(): void {
  for (const [name, apply] of Object.entries(generated)) {
    const op = (apply as unknown as OperatorFunction).operator;
    if (!op.isMethod || ownMembers.has(name)) continue;
    const value = methodOf(op);
    Object.defineProperty(value, 'name', { value: name });
    Object.defineProperty(Tensor.prototype, name, {
      value,
      writable: true,
      configurable: true,
      enumerable: false,
    });
  }
}

installMethods();
