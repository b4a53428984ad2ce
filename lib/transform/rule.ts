import type { Tensor } from '../tensor/tensor';

/** A tensor, or null for zero. */
export type Maybe = Tensor | null;

/** What the forward part of a reverse-mode rule gives. */
export interface Forward {
  readonly outputs: readonly Tensor[];
  /** What the backward part needs; kept by autograd's graph, as long as that lives. */
  readonly residuals: readonly Tensor[];
  /** Gradients for all inputs, from cotangents for all outputs. It must hold no tensor: those are residuals. */
  readonly backward: (residuals: readonly Tensor[], cotangents: readonly Maybe[]) => readonly Maybe[];
}

/** What a forward-mode rule gives. */
export interface Pushed {
  readonly outputs: readonly Tensor[];
  readonly tangents: readonly Maybe[];
}

/**
 * A function of tensors with a derivative of its own: one of `forward` and `jvp`, or neither, for a function whose
 * values are computed again in the backward pass. See NOTE [custom rules] in native/transform/rule_node.h.
 */
export interface Rule {
  /** The public name of the transform, for messages. */
  readonly name: string;
  readonly primal: (inputs: readonly Tensor[]) => readonly Tensor[];
  readonly forward?: ((watched: readonly boolean[], inputs: readonly Tensor[]) => Forward) | undefined;
  readonly jvp?: ((primals: readonly Tensor[], tangents: readonly Maybe[]) => Pushed) | undefined;
}
