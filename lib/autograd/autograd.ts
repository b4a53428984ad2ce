import { TransformError } from '../base/errors';
import { native } from '../native';
import { callNamed } from '../ops/call';
import { adopt } from '../tensor/lifetime';
import { handleOf, Tensor } from '../tensor/tensor';
import { refusePromise } from '../tensor/tidy';

export interface BackwardOptions {
  /** Keep the recorded operators, so that a second backward pass can use them. Default: `createGraph`. */
  readonly retainGraph?: boolean | undefined;
  /** Record the backward pass too, for derivatives of a higher order. */
  readonly createGraph?: boolean | undefined;
}

export interface GradOptions extends BackwardOptions {
  /** Give null for inputs that the outputs do not depend on, instead of an error. */
  readonly allowUnused?: boolean | undefined;
  /** What the outputs are weighted with; needed where one is no scalar. */
  readonly gradOutputs?: readonly (Tensor | null)[] | undefined;
}

function handles(tensors: readonly (Tensor | null)[], op: string): number[] {
  return tensors.map((tensor) => (tensor === null ? 0 : handleOf(tensor, op)));
}

function list(tensors: Tensor | readonly Tensor[]): readonly Tensor[] {
  return tensors instanceof Tensor ? [tensors] : tensors;
}

/** libtorch's own graph knows nothing of the layers of transforms: inside them its gradients would be wrong. */
function refuseInside(op: string): void {
  if (!native().tracing() && native().depth() === 0) return;
  throw new TransformError(
    `${op}: expected no transform around it, got a call inside jit, grad or vmap. Use \`grad\` or \`filterGrad\` there.`,
    { op },
  );
}

/**
 * The gradients of outputs with respect to inputs that require gradients.
 *
 * @returns one tensor for each input; null for an unused one with `allowUnused`.
 * @throws ERR_OPERATOR if no output depends on a tensor that requires gradients, or an input is unused;
 *   ERR_TRANSFORM inside jit, grad or vmap.
 * @see torch.autograd.grad.
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const { createGraph = false, retainGraph = createGraph, allowUnused = false, gradOutputs = [] } = options;
  refuseInside('autograd.grad');
  return native()
    .autogradGrad(
      handles(list(outputs), 'autograd.grad'),
      handles(list(inputs), 'autograd.grad'),
      handles(gradOutputs, 'autograd.grad'),
      retainGraph,
      createGraph,
      allowUnused,
    )
    .map((handle) => (handle === 0 ? null : adopt(handle)));
}

/**
 * Adds the gradients of scalar outputs to the `grad` of every tensor that they were made from and that requires one.
 *
 * @throws ERR_OPERATOR if an output is no scalar and has no weight in `gradOutputs`, or nothing was recorded. With
 *   `createGraph` a tensor and its `grad` hold each other and are never released: use `autograd.grad` for that.
 * @see torch.autograd.backward.
 */
export function backward(
  outputs: Tensor | readonly Tensor[],
  gradOutputs: readonly (Tensor | null)[] = [],
  options: BackwardOptions = {},
): void {
  const { createGraph = false, retainGraph = createGraph } = options;
  refuseInside('autograd.backward');
  native().autogradBackward(
    handles(list(outputs), 'autograd.backward'),
    handles(gradOutputs, 'autograd.backward'),
    retainGraph,
    createGraph,
  );
}

/**
 * Runs a function whose operators are not recorded.
 *
 * @throws ERR_TRANSFORM if the function returns a Promise.
 * @see torch.no_grad.
 */
export function noGrad<T>(fn: () => T): T {
  const found = native().setGradMode(false);
  try {
    const result = fn();
    refusePromise(result, 'autograd.noGrad');
    return result;
  } finally {
    native().setGradMode(found);
  }
}

/** The same values, cut off from what they were made from. */
export function detach(value: Tensor): Tensor {
  return callNamed('aten::detach', value) as Tensor;
}

declare module '../tensor/tensor' {
  interface Tensor {
    /** Whether libtorch's autograd records what is made from the tensor. */
    readonly requiresGrad: boolean;
    /** What `autograd.backward` has added up, or null. */
    readonly grad: Tensor | null;
    /**
     * Makes libtorch's autograd record what is made from the tensor. Returns the tensor itself.
     *
     * @throws ERR_OPERATOR if its dtype has no gradients, or a computed tensor is to forget what it was made from;
     *   ERR_TRANSFORM inside jit, grad or vmap.
     * @see torch.Tensor.requires_grad_.
     */
    requiresGrad_(value?: boolean): this;
    /** See `autograd.detach`. */
    detach(): Tensor;
    /** See `autograd.backward`. */
    backward(options?: BackwardOptions): void;
  }
}

Object.defineProperties(Tensor.prototype, {
  requiresGrad: {
    configurable: true,
    get(this: Tensor): boolean {
      return native().requiresGrad(handleOf(this, 'requiresGrad'));
    },
  },
  grad: {
    configurable: true,
    get(this: Tensor): Tensor | null {
      const handle = native().gradOf(handleOf(this, 'grad'));
      return handle === 0 ? null : adopt(handle);
    },
  },
});

Tensor.prototype.requiresGrad_ = function (value = true) {
  refuseInside('requiresGrad_');
  native().setRequiresGrad(handleOf(this, 'requiresGrad_'), value);
  return this;
};

Tensor.prototype.detach = function () {
  return detach(this);
};

Tensor.prototype.backward = function (options) {
  backward(this, [], options);
};
