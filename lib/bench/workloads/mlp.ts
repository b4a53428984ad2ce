import { filterVmap, gelu, Module, nn, optim, random, relu, tanh, type Tensor } from '../../index';
import { training } from '../training';

class Layers extends Module {
  readonly layers: readonly nn.Linear[];
  readonly activations: readonly ((x: Tensor) => Tensor)[];

  constructor(sizes: readonly number[], activations: readonly ((x: Tensor) => Tensor)[]) {
    super();
    const keys = random.split(random.key(0), sizes.length - 1).unbind(0);
    this.layers = keys.map((key, i) => new nn.Linear(sizes[i] ?? 0, sizes[i + 1] ?? 0, { key }));
    this.activations = activations;
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer, i) => {
      const made = layer.forward(value);
      return this.activations[i]?.(made) ?? made;
    }, x);
  }
}

const tanhGelu = (x: Tensor) => gelu(x, { approximate: 'tanh' });

interface Regression {
  readonly x: Tensor;
  readonly y: Tensor;
}

const squared = (model: Layers, { x, y }: Regression): Tensor => filterVmap(model)(x).sub(y).square().mean();

const regression = (batch: number, inSize: number, outSize: number) => ({
  x: random.normal(random.key(1), [batch, inSize]),
  y: random.normal(random.key(2), [batch, outSize]),
});

/** Where the overhead of a call and of an operator shows. */
export const mlpSmall = training<Layers>({
  name: 'mlp-small',
  title: 'training step, 64x16-32-32-4, tanh and gelu, SGD',
  model: () => new Layers([16, 32, 32, 4], [tanh, tanhGelu]),
  inputs: () => regression(64, 16, 4),
  loss: (model, inputs) => squared(model, inputs as unknown as Regression),
  optimiser: () => optim.sgd(1e-2),
});

/** Where the memory that the optimiser walks through shows. */
export const mlpMnist = training<Layers>({
  name: 'mlp-mnist',
  title: 'training step, 128x784-512-512-10, relu, adamw',
  model: () => new Layers([784, 512, 512, 10], [relu, relu]),
  inputs: () => regression(128, 784, 10),
  loss: (model, inputs) => squared(model, inputs as unknown as Regression),
  optimiser: () => optim.adamw(1e-3, { weightDecay: 1e-4 }),
});
