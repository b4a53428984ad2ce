// Prints the microseconds of `tree.flatten` or, given `unflatten`, of `tree.unflatten` for a model of 1,000 leaves in 500
// layers. Run by scripts/bench.mjs.
const { Module, field, ones, tree } = require('../..');

class Linear extends Module {
  static fields = { inFeatures: field({ static: true }), outFeatures: field({ static: true }) };

  constructor() {
    super();
    this.weight = ones([3, 2]);
    this.bias = ones([3]);
    this.inFeatures = 2;
    this.outFeatures = 3;
  }
}

class Net extends Module {
  constructor() {
    super();
    this.layers = Array.from({ length: 500 }, () => new Linear());
  }
}

const net = new Net();
const [leaves, structure] = tree.flatten(net);
const run =
  process.argv[2] === 'unflatten' ? () => tree.unflatten(structure, leaves) : () => tree.flatten(net);

const rounds = 2000;
for (let i = 0; i < rounds; i++) run();
const started = process.hrtime.bigint();
for (let i = 0; i < rounds; i++) run();
console.log(Number(process.hrtime.bigint() - started) / rounds / 1000);
