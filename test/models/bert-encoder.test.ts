import { arange, field, filterVmap, Module, nn, onesLike, random, type Tensor } from '../../lib';
import { crossEntropy } from './cross-entropy';
import { expectModel } from './models';

type Key = random.Key | undefined;

class Embedder extends Module {
  readonly tokens: nn.Embedding;
  readonly segments: nn.Embedding;
  readonly positions: nn.Embedding;
  readonly norm: nn.LayerNorm;
  readonly dropout: nn.Dropout;

  constructor(vocab: number, longest: number, types: number, size: number, rate: number, key: Key) {
    super();
    const [k1, k2, k3] = random.split(key!, 3);
    this.tokens = new nn.Embedding(vocab, size, { key: k1 });
    this.segments = new nn.Embedding(types, size, { key: k2 });
    this.positions = new nn.Embedding(longest, size, { key: k3 });
    this.norm = new nn.LayerNorm(size);
    this.dropout = new nn.Dropout(rate);
  }

  forward(tokens: Tensor, positions: Tensor, segments: Tensor, inference: boolean, key: Key): Tensor {
    const x = filterVmap(this.tokens)(tokens)
      .add(filterVmap(this.segments)(segments))
      .add(filterVmap(this.positions)(positions));
    return this.dropout.forward(filterVmap(this.norm)(x), { inference, key });
  }
}

class EncoderLayer extends Module {
  static readonly fields = { heads: field({ static: true }) };
  readonly attention: nn.MultiheadAttention;
  readonly attentionNorm: nn.LayerNorm;
  readonly mlp: nn.Linear;
  readonly output: nn.Linear;
  readonly outputNorm: nn.LayerNorm;
  readonly dropout: nn.Dropout;
  readonly heads: number;

  constructor(size: number, hidden: number, heads: number, rate: number, dropoutP: number, key: Key) {
    super();
    const [k1, k2, k3] = random.split(key!, 3);
    const biases = { useQueryBias: true, useKeyBias: true, useValueBias: true, useOutputBias: true };
    this.attention = new nn.MultiheadAttention(heads, size, { dropoutP, ...biases, key: k1 });
    this.attentionNorm = new nn.LayerNorm(size);
    this.mlp = new nn.Linear(size, hidden, { key: k2 });
    this.output = new nn.Linear(hidden, size, { key: k3 });
    this.outputNorm = new nn.LayerNorm(size);
    this.dropout = new nn.Dropout(rate);
    this.heads = heads;
  }

  forward(x: Tensor, tokenMask: Tensor, inference: boolean, key: Key): Tensor {
    const [k1, k2, k3] = random.split(key!, 3);
    const mask = onesLike(tokenMask).unsqueeze(1).mul(tokenMask.unsqueeze(0)).unsqueeze(0);
    const heads = mask.repeatInterleave(this.heads, 0).to('float32');
    const attended = this.attention.forward(x, x, x, { mask: heads, inference, key: k1 });
    const y = filterVmap(this.attentionNorm)(x.add(this.dropout.forward(attended, { inference, key: k2 })));
    const h = filterVmap(this.output)(nn.gelu(filterVmap(this.mlp)(y)));
    return filterVmap(this.outputNorm)(y.add(this.dropout.forward(h, { inference, key: k3 })));
  }
}

class Classifier extends Module {
  readonly embedder: Embedder;
  readonly layers: readonly EncoderLayer[];
  readonly pooler: nn.Linear;
  readonly head: nn.Linear;
  readonly dropout: nn.Dropout;

  constructor(key: random.Key) {
    super();
    const [k1, k2, k3, k4] = random.split(key, 4);
    this.embedder = new Embedder(20, 9, 2, 8, 0.1, k1);
    this.layers = [...random.split(k2!)].map((own) => new EncoderLayer(8, 12, 2, 0.1, 0.2, own));
    this.pooler = new nn.Linear(8, 8, { key: k3 });
    this.head = new nn.Linear(8, 3, { key: k4 });
    this.dropout = new nn.Dropout(0.1);
  }

  forward(tokens: Tensor, segments: Tensor, mask: Tensor, inference: boolean, key: random.Key): Tensor {
    const [k1, k2, k3] = random.split(key, 3);
    const positions = arange(tokens.shape[0]!, { dtype: 'int64' });
    let x = this.embedder.forward(tokens, positions, segments, inference, k1);
    const keys = random.split(k2!, this.layers.length);
    this.layers.forEach((layer, i) => {
      x = layer.forward(x, mask, inference, keys.index(i));
    });
    const pooled = nn.tanh(this.pooler.forward(x.index('...', 0, ':')));
    return this.head.forward(this.dropout.forward(pooled, { inference, key: k3 }));
  }
}

test("the example's encoder computes what it does in Equinox, trained and tested", () => {
  expectModel('bert', new Classifier(random.key(11)), (model, tokens, segments, mask, labels) => {
    const keys = random.split(random.key(2), 2);
    const run = filterVmap(model);
    const logits = run(tokens, segments, mask, false, keys);
    const tested = run(tokens, segments, mask, true, keys);
    return [crossEntropy(logits, labels), logits, tested];
  });
});
