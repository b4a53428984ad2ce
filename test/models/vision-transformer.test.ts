import { cat, field, filterVmap, Module, nn, random, type Tensor } from '../../lib';
import { crossEntropy } from './cross-entropy';
import { expectModel } from './models';

interface WithKey {
  readonly key: random.Key | undefined;
}

class PatchEmbedding extends Module {
  static readonly fields = { patchSize: field({ static: true }) };
  readonly linear: nn.Linear;
  readonly patchSize: number;

  constructor(channels: number, size: number, patchSize: number, { key }: WithKey) {
    super();
    this.patchSize = patchSize;
    this.linear = new nn.Linear(patchSize ** 2 * channels, size, { key });
  }

  forward(x: Tensor): Tensor {
    const [c, height, width] = x.shape as [number, number, number];
    const p = this.patchSize;
    const patches = x.reshape([c, height / p, p, width / p, p]).permute([1, 3, 0, 2, 4]);
    return filterVmap(this.linear)(patches.reshape([-1, c * p * p]));
  }
}

class AttentionBlock extends Module {
  readonly layerNorm1: nn.LayerNorm;
  readonly layerNorm2: nn.LayerNorm;
  readonly attention: nn.MultiheadAttention;
  readonly linear1: nn.Linear;
  readonly linear2: nn.Linear;
  readonly dropout1: nn.Dropout;
  readonly dropout2: nn.Dropout;

  constructor(size: number, hidden: number, heads: number, rate: number, { key }: WithKey) {
    super();
    const [k1, k2, k3] = random.split(key!, 3);
    this.layerNorm1 = new nn.LayerNorm(size);
    this.layerNorm2 = new nn.LayerNorm(size);
    this.attention = new nn.MultiheadAttention(heads, size, { key: k1 });
    this.linear1 = new nn.Linear(size, hidden, { key: k2 });
    this.linear2 = new nn.Linear(hidden, size, { key: k3 });
    this.dropout1 = new nn.Dropout(rate);
    this.dropout2 = new nn.Dropout(rate);
  }

  forward(x: Tensor, enableDropout: boolean, { key }: WithKey): Tensor {
    const normed = filterVmap(this.layerNorm1)(x);
    const attended = x.add(this.attention.forward(normed, normed, normed));
    const [k1, k2] = random.split(key!);
    const inference = !enableDropout;
    let h = nn.gelu(filterVmap(this.linear1)(filterVmap(this.layerNorm2)(attended)));
    h = this.dropout1.forward(h, { inference, key: k1 });
    h = this.dropout2.forward(filterVmap(this.linear2)(h), { inference, key: k2 });
    return attended.add(h);
  }
}

class VisionTransformer extends Module {
  readonly patchEmbedding: PatchEmbedding;
  readonly positionalEmbedding: Tensor;
  readonly clsToken: Tensor;
  readonly blocks: readonly AttentionBlock[];
  readonly dropout: nn.Dropout;
  readonly mlp: nn.Sequential;

  constructor(size: number, hidden: number, heads: number, classes: number, { key }: WithKey) {
    super();
    const [k1, k2, k3, k4, k5] = random.split(key!, 5);
    this.patchEmbedding = new PatchEmbedding(3, size, 4, { key: k1 });
    this.positionalEmbedding = random.normal(k2!, [5, size]);
    this.clsToken = random.normal(k3!, [1, size]);
    this.blocks = [...random.split(k4!, 2)].map(
      (own) => new AttentionBlock(size, hidden, heads, 0.2, { key: own }),
    );
    this.dropout = new nn.Dropout(0.2);
    this.mlp = new nn.Sequential([new nn.LayerNorm(size), new nn.Linear(size, classes, { key: k5 })]);
  }

  forward(image: Tensor, enableDropout: boolean, { key }: WithKey): Tensor {
    const tokens = cat([this.clsToken, this.patchEmbedding.forward(image)]);
    const [first, ...others] = random.split(key!, this.blocks.length + 1);
    let x = tokens.add(this.positionalEmbedding.index(`:${tokens.shape[0]}`));
    x = this.dropout.forward(x, { inference: !enableDropout, key: first });
    this.blocks.forEach((block, i) => {
      x = block.forward(x, enableDropout, { key: others[i] });
    });
    return this.mlp.forward(x.index(0));
  }
}

test.each([true, false])(
  "the example's vision transformer computes what it does in Equinox, dropout %s",
  (enableDropout) => {
    const model = new VisionTransformer(8, 12, 2, 5, { key: random.key(11) });
    const name = enableDropout ? 'visionTransformer' : 'visionTransformer tested';
    expectModel(name, model, (transformer, x, y) => {
      const key = random.split(random.key(2), x.shape[0]);
      const logits = filterVmap(transformer)(x, enableDropout, { key });
      return [crossEntropy(logits, y), logits];
    });
  },
);
