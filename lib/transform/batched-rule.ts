import { TransformError } from '../base/errors';
import { native, type Layer } from '../native';
import { adopt } from '../tensor/lifetime';
import { handleOf, type Tensor } from '../tensor/tensor';
import { withLevel } from './levels';
import type { Forward, Maybe, Pushed, Rule } from './rule';

/**
 * A rule with a vmap around each of its parts, for the level below that vmap. Which results have a batch axis is known
 * once a part has run.
 */
export class BatchedRule {
  readonly rule: Rule;
  /** Whether each result has a batch axis, in front. */
  mapped: boolean[] | undefined;
  private readonly inner: Rule;
  private readonly layer: Layer;
  private readonly axes: readonly boolean[];

  /**
   * @param axes  whether each input has a batch axis, in front.
   */
  constructor(inner: Rule, layer: Layer, axes: readonly boolean[]) {
    this.inner = inner;
    this.layer = layer;
    this.axes = axes;
    this.mapped = undefined;
    const { forward, jvp } = inner;
    this.rule = {
      name: inner.name,
      primal: (inputs) =>
        this.within((level) => this.outputs(inner.primal(this.hide(inputs, this.axes, level)), level)),
      forward:
        forward === undefined ? undefined : (watched, inputs) => this.forward(forward, watched, inputs),
      jvp: jvp === undefined ? undefined : (primals, tangents) => this.push(jvp, primals, tangents),
    };
  }

  private within<T>(body: (level: number) => T): T {
    const { size, axisName } = this.layer;
    return withLevel(
      this.inner.name,
      () => native().pushVmap(size, axisName),
      (level) => {
        const result = body(level);
        return [result, tensorsOf(result)];
      },
    );
  }

  private hide(tensors: readonly Tensor[], axes: readonly boolean[], level: number): Tensor[] {
    return tensors.map((tensor, i) =>
      axes[i] === true ? adopt(native().batch(handleOf(tensor, this.inner.name), 0, level)) : tensor,
    );
  }

  private isMapped(tensor: Tensor, level: number): boolean {
    return native().isBatched(handleOf(tensor, this.inner.name), level);
  }

  /** The tensor with its batch axis in front, repeated if it has none. */
  private show(tensor: Tensor, level: number): Tensor {
    return adopt(native().unbatch(handleOf(tensor, this.inner.name), level, 0, this.layer.size));
  }

  private outputs(outputs: readonly Tensor[], level: number): Tensor[] {
    const mapped = outputs.map((output) => this.isMapped(output, level));
    this.mapped ??= mapped;
    return outputs.map((output, i) => {
      if (this.mapped?.[i] === true) return this.show(output, level);
      if (mapped[i] !== true) return output;
      throw new TransformError(
        `${this.inner.name}: expected a result that is the same for the whole batch, as when the function ran before, got a mapped one.`,
        { op: this.inner.name },
      );
    });
  }

  private forward(
    forward: NonNullable<Rule['forward']>,
    watched: readonly boolean[],
    inputs: readonly Tensor[],
  ): Forward {
    let axes: readonly boolean[] = [];
    const result = this.within((level) => {
      const { outputs, residuals, backward } = forward(watched, this.hide(inputs, this.axes, level));
      axes = residuals.map((residual) => this.isMapped(residual, level));
      return {
        outputs: this.outputs(outputs, level),
        residuals: residuals.map((residual, i) => (axes[i] === true ? this.show(residual, level) : residual)),
        backward,
      };
    });
    return {
      ...result,
      backward: (residuals, cotangents) =>
        this.within((level) => {
          const hidden = cotangents.map((cotangent, i) =>
            cotangent === null
              ? null
              : (this.hide([cotangent], [this.mapped?.[i] === true], level)[0] ?? null),
          );
          return result
            .backward(this.hide(residuals, axes, level), hidden)
            .map((gradient, i) => this.gradient(gradient, this.axes[i] === true, level));
        }),
    };
  }

  /** The gradient of an input: its own for each of the batch, or the sum where they share the input. */
  private gradient(gradient: Maybe, isMapped: boolean, level: number): Maybe {
    if (gradient === null) return null;
    if (isMapped) return this.show(gradient, level);
    return this.isMapped(gradient, level) ? this.show(gradient, level).sum(0) : gradient;
  }

  private push(
    jvp: NonNullable<Rule['jvp']>,
    primals: readonly Tensor[],
    tangents: readonly Maybe[],
  ): Pushed {
    return this.within((level) => {
      const hidden = tangents.map((tangent, i) =>
        tangent === null ? null : (this.hide([tangent], [this.axes[i] === true], level)[0] ?? null),
      );
      const pushed = jvp(this.hide(primals, this.axes, level), hidden);
      // A result has a batch axis if its tangent has one.
      this.mapped ??= pushed.outputs.map((output, i) => {
        const tangent = pushed.tangents[i] ?? null;
        return this.isMapped(output, level) || (tangent !== null && this.isMapped(tangent, level));
      });
      return {
        outputs: this.outputs(pushed.outputs, level),
        tangents: pushed.tangents.map((tangent, i) =>
          tangent === null || this.mapped?.[i] !== true ? tangent : this.show(tangent, level),
        ),
      };
    });
  }
}

function tensorsOf(result: unknown): Set<Tensor> {
  const lists = Array.isArray(result) ? [result] : Object.values(result as object).filter(Array.isArray);
  return new Set((lists as Maybe[][]).flat().filter((one) => one !== null));
}
