import {
  filterVmap,
  grad,
  jit,
  Module,
  nn,
  random,
  tree,
  treeEqual,
  vmap,
  zeros,
  type Tensor,
} from 'equinode';

class Net extends Module {
  readonly layers: readonly nn.Linear[];
  readonly bias: Tensor;

  constructor(key: random.Key) {
    super();
    const [k1, k2, k3] = [...random.split(key, 3)];
    this.layers = [
      new nn.Linear(2, 8, { key: k1 }),
      new nn.Linear(8, 8, { key: k2 }),
      new nn.Linear(8, 2, { key: k3 }),
    ];
    this.bias = zeros([2]);
  }

  forward(x: Tensor): Tensor {
    const [first, second, third] = this.layers as [nn.Linear, nn.Linear, nn.Linear];
    const hidden = second.forward(first.forward(x).relu()).relu();
    return third.forward(hidden).add(this.bias);
  }
}

const x = random.normal(random.key(1), [16, 2]);
const y = random.normal(random.key(2), [16, 2]);
const loss = (model: Net, inputs: Tensor, targets: Tensor) =>
  vmap((input: Tensor) => model.forward(input))(inputs)
    .sub(targets)
    .square()
    .mean();

describe('a module of three linear layers and a bias', () => {
  it('trains by jit(grad(loss)) and an SGD update with tree.map', () => {
    const gradient = jit(grad(loss));
    let model = new Net(random.key(0));
    const before = Number(loss(model, x, y));
    for (let step = 0; step < 100; step++) {
      const grads = gradient(model, x, y);
      model = tree.map((p: Tensor, g: Tensor) => p.sub(g.mul(0.1)), model, grads);
    }
    expect(model).toBeInstanceOf(Net);
    expect(Number(loss(model, x, y))).toBeLessThan(0.9 * before);
  });

  it('has the same gradients compiled and not, and as finite differences say', () => {
    const model = new Net(random.key(0));
    const compiled = jit(grad(loss))(model, x, y);
    const eager = grad(loss)(model, x, y);
    expect(treeEqual(compiled, eager, { rtol: 1e-6, atol: 1e-6 })).toBe(true);
    const wide = tree.map((p: Tensor) => p.to('float64'), model);
    const [x64, y64] = [x.to('float64'), y.to('float64')];
    const step = 1e-6;
    const moved = (sign: number) =>
      Number(
        loss(
          tree.map((p: Tensor) => p.add(sign * step), wide),
          x64,
          y64,
        ),
      );
    const along = (moved(1) - moved(-1)) / (2 * step);
    const sum = tree.reduce(
      (total: number, g: Tensor) => total + Number(g.sum()),
      grad(loss)(wide, x64, y64),
      0,
    );
    expect(sum).toBeCloseTo(along, 6);
  });

  it('maps over a batch as filterVmap of the module does', () => {
    const model = new Net(random.key(0));
    const byHand = vmap((input: Tensor) => model.forward(input))(x);
    expect(filterVmap(model)(x).toArray()).toEqual(byHand.toArray());
  });
});
