import { arange, call, cat, einsum, field, filterVmap, Module, nn, random, type Tensor } from '../../lib';
import { expectModel } from './models';

interface WithKey {
  readonly key: random.Key | undefined;
}

const isStatic = field({ static: true });

class LinearAttention extends Module {
  static readonly fields = { heads: isStatic };
  readonly norm: nn.GroupNorm;
  readonly heads: number;
  readonly toQkv: nn.Conv2d;
  readonly toOut: nn.Conv2d;

  constructor(channels: number, heads: number, size: number, { key }: WithKey) {
    super();
    const [k1, k2] = random.split(key!);
    this.norm = new nn.GroupNorm(Math.min(channels / 4, 32), channels);
    this.heads = heads;
    this.toQkv = new nn.Conv2d(channels, heads * size * 3, 1, { key: k1 });
    this.toOut = new nn.Conv2d(heads * size, channels, 1, { key: k2 });
  }

  forward(x: Tensor): Tensor {
    const [, height, width] = x.shape as [number, number, number];
    const qkv = this.toQkv.forward(this.norm.forward(x));
    const [q, k, v] = qkv.reshape([3, this.heads, -1, height * width]);
    const context = einsum('hdn,hen->hde', [nn.softmax(k!, -1), v!]);
    const out = einsum('hde,hdn->hen', [context, q!]);
    return this.toOut.forward(out.reshape([-1, height, width]));
  }
}

class ResidualBlock extends Module {
  static readonly fields = { up: isStatic, down: isStatic };
  readonly time: nn.Linear;
  readonly norm1: nn.GroupNorm;
  readonly conv1: nn.Conv2d | nn.ConvTranspose2d;
  readonly norm2: nn.GroupNorm;
  readonly dropout: nn.Dropout;
  readonly conv2: nn.Conv2d;
  readonly scale: nn.Conv2d;
  readonly attention: LinearAttention;
  readonly up: boolean;
  readonly down: boolean;

  constructor(from: number, to: number, timeSize: number, way: 'up' | 'down' | 'level', { key }: WithKey) {
    super();
    const [k1, k2, k3, k4, k5] = random.split(key!, 5);
    this.time = new nn.Linear(timeSize, to, { key: k1 });
    this.norm1 = new nn.GroupNorm(Math.min(from / 4, 32), from);
    const half = { stride: 2, padding: 1, key: k2 };
    if (way === 'up') this.conv1 = new nn.ConvTranspose2d(from, to, 4, half);
    else if (way === 'down') this.conv1 = new nn.Conv2d(from, to, 4, half);
    else this.conv1 = new nn.Conv2d(from, to, 3, { padding: 1, key: k2 });
    this.norm2 = new nn.GroupNorm(Math.min(to / 4, 32), to);
    this.dropout = new nn.Dropout(0.1);
    this.conv2 = new nn.Conv2d(to, to, 3, { padding: 1, key: k3 });
    this.scale = new nn.Conv2d(from, to, 1, { key: k4 });
    this.attention = new LinearAttention(to, 2, 4, { key: k5 });
    this.up = way === 'up';
    this.down = way === 'down';
  }

  forward(x: Tensor, t: Tensor, { key }: WithKey): Tensor {
    let h = this.conv1.forward(nn.silu(this.norm1.forward(x)));
    h = h.add(this.time.forward(nn.silu(t)).index('...', null, null));
    h = this.dropout.forward(nn.silu(this.norm2.forward(h)), { key });
    h = this.conv2.forward(h);
    let beside = x;
    if (this.up) beside = x.repeatInterleave(2, 1).repeatInterleave(2, 2);
    if (this.down) beside = new nn.AvgPool2d(2, { stride: 2 }).forward(x);
    const out = h.add(this.scale.forward(beside)).div(Math.SQRT2);
    return this.attention.forward(out).add(out);
  }
}

class UNet extends Module {
  readonly frequencies: Tensor;
  readonly mlp: nn.MLP;
  readonly first: nn.Conv2d;
  readonly down: ResidualBlock;
  readonly middle: ResidualBlock;
  readonly up: ResidualBlock;
  readonly last: readonly [nn.GroupNorm, (x: Tensor) => Tensor, nn.Conv2d];

  constructor(channels: number, hidden: number, { key }: WithKey) {
    super();
    const [k1, k2, k3, k4, k5, k6] = random.split(key!, 6);
    this.frequencies = arange(4).mul(-1.5).exp();
    this.mlp = new nn.MLP(8, 8, 16, 1, { activation: nn.silu, key: k1 });
    this.first = new nn.Conv2d(channels, hidden, 3, { padding: 1, key: k2 });
    this.down = new ResidualBlock(hidden, 2 * hidden, 8, 'down', { key: k3 });
    this.middle = new ResidualBlock(2 * hidden, 2 * hidden, 8, 'level', { key: k4 });
    this.up = new ResidualBlock(4 * hidden, hidden, 8, 'up', { key: k5 });
    this.last = [new nn.GroupNorm(2, hidden), nn.silu, new nn.Conv2d(hidden, channels, 1, { key: k6 })];
  }

  forward(t: Tensor, y: Tensor, { key }: WithKey): Tensor {
    const angles = t.mul(this.frequencies.detach());
    const time = this.mlp.forward(cat([angles.sin(), angles.cos()]));
    const [k1, k2, k3] = random.split(key!, 3);
    const below = this.down.forward(this.first.forward(y), time, { key: k1 });
    const middle = this.middle.forward(below, time, { key: k2 });
    const above = this.up.forward(cat([middle, below]), time, { key: k3 });
    return this.last.reduce((h, layer) => call(layer, h), above);
  }
}

test("the example's U-Net computes what it does in Equinox", () => {
  expectModel('uNet', new UNet(2, 8, { key: random.key(11) }), (model, t, y, noise) => {
    const key = random.split(random.key(2), 2);
    const predicted = filterVmap(model)(t, y, { key });
    return [predicted.add(noise).square().mean(), predicted];
  });
});
