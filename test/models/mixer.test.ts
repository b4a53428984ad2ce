import { cat, filterVmap, Module, nn, random, type Tensor } from '../../lib';
import { expectModel } from './models';

interface WithKey {
  readonly key: random.Key | undefined;
}

class MixerBlock extends Module {
  readonly patchMixer: nn.MLP;
  readonly hiddenMixer: nn.MLP;
  readonly norm1: nn.LayerNorm;
  readonly norm2: nn.LayerNorm;

  constructor(patches: number, hidden: number, mixPatch: number, mixHidden: number, { key }: WithKey) {
    super();
    const [k1, k2] = random.split(key!);
    this.patchMixer = new nn.MLP(patches, patches, mixPatch, 1, { key: k1 });
    this.hiddenMixer = new nn.MLP(hidden, hidden, mixHidden, 1, { key: k2 });
    this.norm1 = new nn.LayerNorm([hidden, patches]);
    this.norm2 = new nn.LayerNorm([patches, hidden]);
  }

  forward(x: Tensor): Tensor {
    const y = x.add(filterVmap(this.patchMixer)(this.norm1.forward(x))).t();
    return y.add(filterVmap(this.hiddenMixer)(this.norm2.forward(y))).t();
  }
}

class Mixer extends Module {
  readonly convIn: nn.Conv2d;
  readonly convOut: nn.ConvTranspose2d;
  readonly blocks: readonly MixerBlock[];
  readonly norm: nn.LayerNorm;
  readonly t1: number;

  constructor(
    [channels, height, width]: readonly [number, number, number],
    patch: number,
    hidden: number,
    t1: number,
    { key }: WithKey,
  ) {
    super();
    const patches = (height / patch) * (width / patch);
    const [k1, k2, ...others] = random.split(key!, 4);
    this.convIn = new nn.Conv2d(channels + 1, hidden, patch, { stride: patch, key: k1 });
    this.convOut = new nn.ConvTranspose2d(hidden, channels, patch, { stride: patch, key: k2 });
    this.blocks = others.map((own) => new MixerBlock(patches, hidden, 5, 7, { key: own }));
    this.norm = new nn.LayerNorm([hidden, patches]);
    this.t1 = t1;
  }

  forward(t: Tensor, y: Tensor): Tensor {
    const [, height, width] = y.shape as [number, number, number];
    const withTime = cat([y, t.div(this.t1).expand([1, height, width])]);
    const seen = this.convIn.forward(withTime);
    const mixed = this.blocks.reduce((h, block) => block.forward(h), seen.flatten(1));
    return this.convOut.forward(this.norm.forward(mixed).reshape(seen.shape));
  }
}

test("the example's mixer computes what it does in Equinox", () => {
  const model = new Mixer([1, 8, 8], 4, 6, 10, { key: random.key(11) });
  expectModel('mixer', model, (mixer, t, y, noise) => {
    const each = (x: Tensor): Tensor => x.index(':', null, null, null);
    const weight = t.neg().exp().neg().add(1);
    const mean = y.mul(each(t.mul(-0.5).exp()));
    const std = each(weight.clampMin(1e-5).sqrt());
    const predicted = filterVmap(mixer)(t, mean.add(std.mul(noise)));
    return [
      each(weight)
        .mul(predicted.add(noise.div(std)).square())
        .mean(),
      predicted,
    ];
  });
});
