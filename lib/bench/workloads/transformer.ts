import { filterVmap, gelu, Module, nn, optim, random, type Tensor } from '../../index';
import { inference, manyCallers } from '../inference';
import { training } from '../training';

const sizes = { layers: 4, width: 256, heads: 8, sequence: 128 };

class Block extends Module {
  readonly norm1: nn.LayerNorm;
  readonly attention: nn.MultiheadAttention;
  readonly norm2: nn.LayerNorm;
  readonly up: nn.Linear;
  readonly down: nn.Linear;

  constructor(key: random.Key) {
    super();
    const [k1, k2, k3] = random.split(key, 3);
    const { width, heads } = sizes;
    this.norm1 = new nn.LayerNorm(width);
    this.attention = new nn.MultiheadAttention(heads, width, { key: k1 });
    this.norm2 = new nn.LayerNorm(width);
    this.up = new nn.Linear(width, 4 * width, { key: k2 });
    this.down = new nn.Linear(4 * width, width, { key: k3 });
  }

  /** @param x  float32[sequence, width] */
  forward(x: Tensor): Tensor {
    const normed = filterVmap((row: Tensor) => this.norm1.forward(row))(x);
    const attended = x.add(this.attention.forward(normed, normed, normed));
    const feed = (row: Tensor) =>
      this.down.forward(gelu(this.up.forward(this.norm2.forward(row)), { approximate: 'tanh' }));
    return attended.add(filterVmap(feed)(attended));
  }
}

class Transformer extends Module {
  readonly blocks: readonly Block[];
  constructor() {
    super();
    this.blocks = random
      .split(random.key(0), sizes.layers)
      .unbind(0)
      .map((key) => new Block(key));
  }
  forward(x: Tensor): Tensor {
    return this.blocks.reduce((value, block) => block.forward(value), x);
  }
}

const sequences = (seed: number, batch: number) =>
  random.normal(random.key(seed), [batch, sizes.sequence, sizes.width]);

export const transformer = training<Transformer>({
  name: 'transformer',
  title: 'training step, 4 layers, width 256, 8 heads, sequence 128, batch 8, adamw',
  settings: sizes,
  model: () => new Transformer(),
  inputs: () => ({ x: sequences(1, 8), y: sequences(2, 8) }),
  loss: (model, inputs) => {
    const { x, y } = inputs as unknown as { x: Tensor; y: Tensor };
    return filterVmap(model)(x).sub(y).square().mean();
  },
  optimiser: () => optim.adamw(1e-3, { weightDecay: 1e-4 }),
});

const served = { settings: sizes, model: () => new Transformer(), x: () => sequences(1, 1) };

export const transformerInference = inference({
  name: 'transformer-inference',
  title: 'the transformer on one sequence, latency',
  ...served,
});

export const transformerServed = manyCallers({
  name: 'transformer-served',
  title: 'the transformer on one sequence, 8 callers at once',
  ...served,
});
