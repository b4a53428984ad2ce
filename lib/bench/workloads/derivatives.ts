import {
  filterGrad,
  filterJit,
  filterVmap,
  hessian,
  Module,
  nn,
  random,
  tanh,
  type Tensor,
} from '../../index';
import { parameters } from '../training';
import type { Workload } from '../workload';

class Perceptron extends Module {
  readonly hidden: nn.Linear;
  readonly last: nn.Linear;
  constructor(inSize: number, width: number, outSize: number) {
    super();
    const [k1, k2] = random.split(random.key(0));
    this.hidden = new nn.Linear(inSize, width, { key: k1 });
    this.last = new nn.Linear(width, outSize, { key: k2 });
  }
  forward(x: Tensor): Tensor {
    return this.last.forward(tanh(this.hidden.forward(x)));
  }
}

const batch = 64;

/** The gradient of every example of a batch. */
export const perSample: Workload = {
  name: 'per-sample',
  title: 'gradients of each of 64 examples, 784-128-10, tanh',
  settings: {},
  tensors: () => ({ ...parameters(makeWide()), ...examples() }),
  start() {
    const loss = (model: Perceptron, x: Tensor, y: Tensor) => model.forward(x).sub(y).square().sum();
    const gradients = filterJit((model: Perceptron, x: Tensor, y: Tensor) =>
      filterVmap(filterGrad(loss), { inAxes: [null, 0, 0] })(model, x, y),
    );
    const model = makeWide();
    const { x, y } = examples();
    return {
      step() {
        gradients(model, x, y);
      },
      first: () => [Number(gradients(model, x, y).hidden.weight.square().sum().sqrt())],
    };
  },
};

function makeWide(): Perceptron {
  return new Perceptron(784, 128, 10);
}

function examples() {
  return { x: random.normal(random.key(1), [batch, 784]), y: random.normal(random.key(2), [batch, 10]) };
}

const sizes = { inSize: 4, width: 16 };

/** The second derivatives by every parameter of a small network. */
export const hessianOfMlp: Workload = {
  name: 'hessian',
  title: 'Hessian of a network 4-16-1 (97 parameters), 32 examples',
  settings: sizes,
  tensors: () => ({ w: point(), x: points() }),
  start() {
    const { inSize, width } = sizes;
    const loss = (w: Tensor, x: Tensor) => {
      const [first, bias, last, end] = w.split([inSize * width, width, width, 1]) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const hidden = tanh(x.matmul(first.reshape([inSize, width])).add(bias));
      return hidden.matmul(last).add(end).square().mean();
    };
    const second = filterJit((w: Tensor, x: Tensor) => hessian(loss)(w, x));
    const [w, x] = [point(), points()];
    return {
      step() {
        second(w, x);
      },
      first: () => [Number(second(w, x).square().sum().sqrt())],
    };
  },
};

function point(): Tensor {
  const { inSize, width } = sizes;
  return random.normal(random.key(0), [inSize * width + 2 * width + 1]).mul(0.5);
}

function points(): Tensor {
  return random.normal(random.key(1), [32, sizes.inSize]);
}
