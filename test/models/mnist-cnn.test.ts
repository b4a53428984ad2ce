import { call, filterVmap, Module, nn, random, type Tensor } from '../../lib';
import { expectModel } from './models';

class CNN extends Module {
  readonly layers: readonly ((Module & { forward(x: Tensor): Tensor }) | ((x: Tensor) => Tensor))[];

  constructor(key: random.Key) {
    super();
    const [k1, k2, k3, k4] = random.split(key, 4);
    this.layers = [
      new nn.Conv2d(1, 3, 4, { key: k1 }),
      new nn.MaxPool2d(2),
      nn.relu,
      (x: Tensor) => x.flatten(),
      new nn.Linear(192, 24, { key: k2 }),
      nn.sigmoid,
      new nn.Linear(24, 16, { key: k3 }),
      nn.relu,
      new nn.Linear(16, 10, { key: k4 }),
      nn.logSoftmax,
    ];
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => call(layer, y), x);
  }
}

test("the example's convolutional network computes what it does in Equinox", () => {
  expectModel('mnistCnn', new CNN(random.key(11)), (model, x, y) => {
    const predicted = filterVmap(model)(x);
    const picked = predicted.takeAlongDim(y.to('int64').unsqueeze(1), 1);
    return [picked.mean().neg(), predicted];
  });
});
