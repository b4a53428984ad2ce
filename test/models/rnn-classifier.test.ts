import { filterVmap, Module, nn, random, scan, zeros, type Tensor } from '../../lib';
import { expectModel } from './models';

class RNN extends Module {
  readonly hiddenSize: number;
  readonly cell: nn.GRUCell;
  readonly linear: nn.Linear;
  readonly bias: Tensor;

  constructor(inSize: number, outSize: number, hiddenSize: number, { key }: { readonly key: random.Key }) {
    super();
    const [cellKey, linearKey] = random.split(key);
    this.hiddenSize = hiddenSize;
    this.cell = new nn.GRUCell(inSize, hiddenSize, { key: cellKey });
    this.linear = new nn.Linear(hiddenSize, outSize, { useBias: false, key: linearKey });
    this.bias = zeros([outSize]);
  }

  forward(xs: Tensor): Tensor {
    const step = (carry: Tensor, x: Tensor) => [this.cell.forward(x, carry), null] as const;
    const [hidden] = scan(step, zeros([this.hiddenSize]), xs);
    return this.linear.forward(hidden).add(this.bias).sigmoid();
  }
}

test("the example's classifier of sequences computes what it does in Equinox", () => {
  const model = new RNN(2, 1, 8, { key: random.key(11) });
  expectModel('rnnClassifier', model, (rnn, x, y) => {
    const predicted = filterVmap(rnn)(x);
    const likelihood = y.mul(predicted.log()).add(y.neg().add(1).mul(predicted.neg().add(1).log()));
    return [likelihood.mean().neg(), predicted];
  });
});
