import { call, filterVmap, Module, nn, random, tree, type Tensor } from '../../lib';
import { expectModel } from './models';

type Layer = nn.BatchNorm | nn.Conv2d | nn.ConvTranspose2d | nn.PReLU | ((x: Tensor) => Tensor);

/** Layers one after another, of which the batch norms have state. */
function applyAll(layers: readonly Layer[], x: Tensor, first: nn.State): readonly [Tensor, nn.State] {
  let y = x;
  let state = first;
  for (const layer of layers) {
    if (layer instanceof nn.BatchNorm) [y, state] = layer.forward(y, { state });
    else y = call(layer, y);
  }
  return [y, state];
}

function batchNorm(channels: number): nn.BatchNorm {
  return new nn.BatchNorm(channels, 'batch', { mode: 'ema' });
}

class Generator extends Module {
  readonly layers: readonly Layer[];

  constructor(noise: number, channels: number, features: number, key: random.Key) {
    super();
    const [k1, k2, k3] = random.split(key, 3);
    const doubling = { stride: 2, padding: 1, useBias: false };
    this.layers = [
      new nn.ConvTranspose2d(noise, features * 2, 4, { useBias: false, key: k1 }),
      batchNorm(features * 2),
      nn.relu,
      new nn.ConvTranspose2d(features * 2, features, 4, { ...doubling, key: k2 }),
      batchNorm(features),
      nn.relu,
      new nn.ConvTranspose2d(features, channels, 4, { ...doubling, key: k3 }),
      nn.tanh,
    ];
  }

  forward(x: Tensor, state: nn.State): readonly [Tensor, nn.State] {
    return applyAll(this.layers, x, state);
  }
}

class Discriminator extends Module {
  readonly layers: readonly Layer[];

  constructor(channels: number, features: number, key: random.Key) {
    super();
    const [k1, k2, k3] = random.split(key, 3);
    const halving = { stride: 2, padding: 1, useBias: false };
    this.layers = [
      new nn.Conv2d(channels, features, 4, { ...halving, key: k1 }),
      new nn.PReLU(0.2),
      new nn.Conv2d(features, features * 2, 4, { ...halving, key: k2 }),
      batchNorm(features * 2),
      new nn.PReLU(0.2),
      new nn.Conv2d(features * 2, 1, 4, { useBias: false, key: k3 }),
    ];
  }

  forward(x: Tensor, state: nn.State): readonly [Tensor, nn.State] {
    return applyAll(this.layers, x, state);
  }
}

/** The mean of the binary cross entropy of logits with one label for all. */
function entropy(logits: Tensor, label: number): Tensor {
  const likelihood = nn
    .logSigmoid(logits)
    .mul(label)
    .add(nn.logSigmoid(logits.neg()).mul(1 - label));
  return likelihood.mean().neg();
}

const batched = (model: Generator | Discriminator) =>
  filterVmap(model, { axisName: 'batch', inAxes: [0, null], outAxes: [0, null] });

test("the example's pair of networks computes what it does in Equinox", () => {
  const [k1, k2] = random.split(random.key(11));
  const [generator, generatorState] = nn.makeWithState(Generator)(6, 1, 4, k1!);
  const [discriminator, discriminatorState] = nn.makeWithState(Discriminator)(1, 4, k2!);
  expectModel('dcgan', [generator, discriminator] as const, ([g, d], noise, real) => {
    const copy = (state: nn.State): nn.State => tree.map((x: unknown) => x, state as never) as nn.State;
    const [fake, nextG] = batched(g)(noise, copy(generatorState));
    const [onReal, between] = batched(d)(real, copy(discriminatorState));
    const [onFake, nextD] = batched(d)(fake, between);
    return [entropy(onReal, 1).add(entropy(onFake, 0).mul(2)), fake, onFake, nextG, nextD];
  });
});
