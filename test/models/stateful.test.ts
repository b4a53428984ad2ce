import { filterVmap, Module, nn, random, tree, type Tensor } from '../../lib';
import { expectModel } from './models';

class Model extends Module {
  readonly norm1: nn.BatchNorm;
  readonly spectralLinear: nn.SpectralNorm<nn.Linear>;
  readonly norm2: nn.BatchNorm;
  readonly linear1: nn.Linear;
  readonly linear2: nn.Linear;

  constructor(key: random.Key) {
    super();
    const [k1, k2, k3, k4] = random.split(key, 4);
    this.norm1 = new nn.BatchNorm(3, 'batch', { mode: 'batch' });
    this.spectralLinear = new nn.SpectralNorm(new nn.Linear(3, 32, { key: k1 }), { key: k2 });
    this.norm2 = new nn.BatchNorm(32, 'batch', { mode: 'batch' });
    this.linear1 = new nn.Linear(32, 32, { key: k3 });
    this.linear2 = new nn.Linear(32, 3, { key: k4 });
  }

  forward(x: Tensor, first: nn.State): readonly [Tensor, nn.State] {
    const [a, second] = this.norm1.forward(x, { state: first });
    const [b, third] = this.spectralLinear.forward(a, { state: second });
    const [c, last] = this.norm2.forward(nn.relu(b), { state: third });
    return [this.linear2.forward(nn.relu(this.linear1.forward(nn.relu(c)))), last];
  }
}

const batched = (model: Model) =>
  filterVmap(model, { axisName: 'batch', inAxes: [0, null], outAxes: [0, null] });

const copy = (state: nn.State): nn.State => tree.map((x: unknown) => x, state as never) as nn.State;

test("the example's layers with state compute what they do in Equinox, in training and in inference", () => {
  const [made, first] = nn.makeWithState(Model)(random.key(11));
  expectModel('stateful', made, (model, x, y) => {
    const [, second] = batched(model)(x, copy(first));
    const [predicted, third] = batched(model)(x, second);
    const [tested] = batched(nn.inferenceMode(model))(x, copy(third));
    return [predicted.sub(y).square().mean(), predicted, tested, third];
  });
});
