import {
  arange,
  filterVmap,
  logSoftmax,
  Module,
  nn,
  optim,
  random,
  relu,
  sigmoid,
  type Tensor,
} from '../../index';
import { inference, manyCallers } from '../inference';
import { training } from '../training';

/** The network of examples/mnist.ts, for one image. */
class Network extends Module {
  readonly conv: nn.Conv2d;
  readonly pool: nn.MaxPool2d;
  readonly linears: readonly [nn.Linear, nn.Linear, nn.Linear];

  constructor() {
    super();
    const [k1, k2, k3, k4] = random.split(random.key(0), 4);
    this.conv = new nn.Conv2d(1, 3, 4, { key: k1 });
    this.pool = new nn.MaxPool2d(2);
    this.linears = [
      new nn.Linear(1728, 512, { key: k2 }),
      new nn.Linear(512, 64, { key: k3 }),
      new nn.Linear(64, 10, { key: k4 }),
    ];
  }

  forward(image: Tensor): Tensor {
    const [first, second, third] = this.linears;
    const features = relu(this.pool.forward(this.conv.forward(image))).reshape([-1]);
    return logSoftmax(third.forward(relu(second.forward(sigmoid(first.forward(features))))), 0);
  }
}

const images = (batch: number) => random.normal(random.key(1), [batch, 1, 28, 28]);

export const cnn = training<Network>({
  name: 'cnn',
  title: 'training step of the MNIST network, batch 64, adamw',
  model: () => new Network(),
  inputs: () => ({ x: images(64), y: arange(64).remainder(10) }),
  loss: (model, inputs) => {
    const { x, y } = inputs as unknown as { x: Tensor; y: Tensor };
    return filterVmap(model)(x).gather(1, y.unsqueeze(1)).mean().neg();
  },
  optimiser: () => optim.adamw(1e-3, { weightDecay: 1e-4 }),
});

const served = { model: () => new Network(), x: () => images(1) };

export const cnnInference = inference({
  name: 'cnn-inference',
  title: 'the MNIST network on one image, latency',
  ...served,
});

export const cnnServed = manyCallers({
  name: 'cnn-served',
  title: 'the MNIST network on one image, 8 callers at once',
  ...served,
});
