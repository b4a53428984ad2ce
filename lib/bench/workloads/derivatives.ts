import { filterGrad, filterJit, filterVmap, Module, nn, random, tanh, type Tensor } from '../../index';
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
