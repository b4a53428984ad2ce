import { filterVmap, nn, random, tree, treeAt, type Tensor } from '../../lib';
import { expectModel, type Losses } from './models';

test('training the last layer only gives the gradients of Equinox, and none elsewhere', () => {
  const model = new nn.MLP(2, 1, 16, 2, { key: random.key(11) });
  const frozen = tree.map(() => false, model as unknown);
  const last = (m: unknown): unknown => {
    const { weight, bias } = (m as nn.MLP).layers.at(-1)!;
    return [weight, bias];
  };
  const trained = treeAt(last, frozen, [true, true]);
  const loss = (mlp: nn.MLP, x?: Tensor, y?: Tensor): Losses => {
    const predicted = filterVmap(mlp)(x!);
    return [predicted.sub(y!).square().mean(), predicted];
  };
  expectModel('frozenLayer', model, loss, { trained });
});
