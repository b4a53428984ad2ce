import {
  call,
  combine,
  filterGrad,
  filterJit,
  filterVmap,
  grad,
  isArray,
  isInexactArray,
  jit,
  Module,
  nn,
  partition,
  random,
  relu,
  treeEqual,
  type Callable,
  type Tensor,
} from 'equinode';

// Among the layers stands a function: a leaf that is no tensor.
class Net extends Module {
  readonly layers: readonly Callable<[Tensor], Tensor>[];

  constructor(key: random.Key) {
    super();
    const [k1, k2] = [...random.split(key)];
    this.layers = [new nn.Linear(2, 8, { key: k1 }), relu, new nn.Linear(8, 2, { key: k2 })];
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((value, layer) => call(layer, value), x);
  }
}

const model = new Net(random.key(0));
const x = random.normal(random.key(1), [16, 2]);
const y = random.normal(random.key(2), [16, 2]);
const loss = (net: Net, inputs: Tensor, targets: Tensor) =>
  filterVmap(net)(inputs).sub(targets).square().mean();

/** By hand, first way: the parts that are no tensors are a static argument. */
function gradientsByStaticArgument(): Net {
  const [params, rest] = partition(model, isArray);
  const gradient = jit(
    (p: Net, fixed: Net, inputs: Tensor, targets: Tensor) =>
      grad((inner: Net) => loss(combine(inner, fixed), inputs, targets))(p),
    { staticArgnums: 1 },
  );
  return gradient(params, rest, x, y);
}

/** By hand, second way: they are closed over. */
function gradientsByClosure(): Net {
  const [params, rest] = partition(model, isInexactArray);
  return jit(grad((p: Net, inputs: Tensor, targets: Tensor) => loss(combine(p, rest), inputs, targets)))(
    params,
    x,
    y,
  );
}

describe('a module with a function among its layers', () => {
  it('has the same gradients by hand and by the filtered transforms', () => {
    const filtered = filterJit(filterGrad(loss))(model, x, y);
    expect(treeEqual(gradientsByStaticArgument(), filtered, { rtol: 1e-6, atol: 1e-7 })).toBe(true);
    expect(treeEqual(gradientsByClosure(), filtered, { rtol: 1e-6, atol: 1e-7 })).toBe(true);
    expect(treeEqual(filterGrad(loss)(model, x, y), filtered, { rtol: 1e-6, atol: 1e-7 })).toBe(true);
  });

  it('has null where the function stood', () => {
    const grads = filterGrad(loss)(model, x, y);
    expect(grads).toBeInstanceOf(Net);
    expect(grads.layers[1]).toBeNull();
    expect((grads.layers[0] as nn.Linear).weight.shape).toEqual([8, 2]);
  });

  it('is refused by the raw transforms, which say what to use', () => {
    expect(() => grad(loss)(model, x, y)).toThrow('grad: expected floating-point tensors in argument 0, got');
    expect(() => jit(loss)(model, x, y)).toThrow('use filterJit');
  });
});
