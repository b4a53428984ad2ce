import { watchUses } from '../tensor/handle';
import type { Tensor } from '../tensor/tensor';
import { traceClosed, type Program } from './program';

/** A function as a program that captures nothing. */
export interface ClosedProgram {
  readonly program: Program;
  /** The tensors that the function took from outside: the program's inputs behind those that it was traced with. */
  readonly captured: readonly Tensor[];
}

/** Traces a function so that what it captures becomes inputs, whichever transforms that belongs to. */
export function closedProgram(
  name: string,
  inputs: readonly Tensor[],
  body: (stand: readonly Tensor[]) => unknown,
): ClosedProgram {
  const used = new Set<Tensor>();
  const outer = watchUses(used);
  try {
    const program = traceClosed(name, inputs, body);
    const byHandle = new Map([...used].map((tensor) => [tensor._handle, tensor]));
    const captured = program.hidden.map((handle) => byHandle.get(handle)!);
    return { program: { ...program, hidden: [] }, captured };
  } finally {
    watchUses(outer);
    for (const tensor of used) if (!tensor.isDisposed) outer?.add(tensor);
  }
}
