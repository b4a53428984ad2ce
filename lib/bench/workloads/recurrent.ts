import { filterVmap, Module, nn, ops, optim, random, scan, zeros, type Tensor } from '../../index';
import { training } from '../training';

/** Says of a sequence which of two it is, by the last state of a GRU: Equinox's example of a recurrent network. */
class GruClassifier extends Module {
  readonly cell: nn.GRUCell;
  readonly linear: nn.Linear;
  constructor() {
    super();
    const [k1, k2] = random.split(random.key(0));
    this.cell = new nn.GRUCell(2, 16, { key: k1 });
    this.linear = new nn.Linear(16, 1, { key: k2 });
  }
  /** @param x  float32[time, 2] */
  forward(x: Tensor): Tensor {
    const [last] = scan(
      (hidden: Tensor, input: Tensor) => [this.cell.forward(input, hidden), null],
      zeros([16]),
      x,
    );
    return this.linear.forward(last).squeeze(0);
  }
}

/** The mean of what an LSTM gives over time. */
class LstmModel extends Module {
  readonly cell: nn.LSTMCell;
  readonly linear: nn.Linear;
  constructor() {
    super();
    const [k1, k2] = random.split(random.key(0));
    this.cell = new nn.LSTMCell(64, 128, { key: k1 });
    this.linear = new nn.Linear(128, 1, { key: k2 });
  }
  /** @param x  float32[time, 64] */
  forward(x: Tensor): Tensor {
    const start = [zeros([128]), zeros([128])] as const;
    const [, hidden] = scan(
      (state: readonly [Tensor, Tensor], input: Tensor) => {
        const next = this.cell.forward(input, state);
        return [next, next[0]];
      },
      start,
      x,
    );
    return this.linear.forward(hidden.mean(0)).squeeze(0);
  }
}

interface Labelled {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** The binary cross entropy of logits. */
function crossEntropy(model: GruClassifier | LstmModel, inputs: Readonly<Record<string, Tensor>>): Tensor {
  const { x, y } = inputs as unknown as Labelled;
  return ops.binaryCrossEntropyWithLogits(filterVmap(model)(x), y);
}

const labelled = (time: number, features: number) => ({
  x: random.normal(random.key(1), [32, time, features]),
  y: random.bernoulli(random.key(2), 0.5, [32]).to('float32'),
});

export const gru = training<GruClassifier>({
  name: 'gru',
  title: 'training step, GRU of 16 steps, hidden 16, batch 32, adam',
  model: () => new GruClassifier(),
  inputs: () => labelled(16, 2),
  loss: crossEntropy,
  optimiser: () => optim.adam(3e-3),
});

export const lstm = training<LstmModel>({
  name: 'lstm',
  title: 'training step, LSTM of 128 steps, 64 features, hidden 128, batch 32, adam',
  model: () => new LstmModel(),
  inputs: () => labelled(128, 64),
  loss: crossEntropy,
  optimiser: () => optim.adam(3e-3),
});
