import { applyUpdates, filterGrad, filterJit, nn, ops, random, treeEqual, type Tensor } from '../../lib';
import { expectClose } from '../support/close';

const key = random.key(3);
const x = ops.linspace(-1, 1, 4);

test.each([
  ['a linear layer', () => new nn.Linear(4, 3, { key }), x],
  ['a convolution', () => new nn.Conv2d(2, 3, 2, { key }), ops.ones([2, 4, 4])],
] as const)('%s computes what it did before', (_name, make, input) => {
  const layer = make();
  expectClose(new nn.WeightNorm<typeof layer>(layer).forward(input), layer.forward(input).toArray(), {
    rtol: 1e-5,
    atol: 1e-6,
  });
});

test('two of them are equal as structures, so that a compiled function takes both, traced once', () => {
  let traces = 0;
  const run = filterJit((norm: nn.WeightNorm<nn.Linear>, input: Tensor) => {
    traces += 1;
    return norm.forward(input);
  });
  const [a, b] = [1, 2].map((seed) => new nn.WeightNorm(new nn.Linear(4, 3, { key: random.key(seed) })));
  expectClose(run(a!, x), a!.forward(x).toArray(), { rtol: 1e-5, atol: 1e-6 });
  expectClose(run(b!, x), b!.forward(x).toArray(), { rtol: 1e-5, atol: 1e-6 });
  expect(traces).toBe(1);
  run(new nn.WeightNorm(new nn.Linear(4, 3, { key }), { axis: 1 }), x);
  expect(traces).toBe(2);
  expect(treeEqual(new nn.WeightNorm(new nn.Linear(4, 3, { key })), new nn.WeightNorm(new nn.Linear(4, 3, { key })))).toBe(true); // prettier-ignore
});

test('the length of the weight is g, whatever the weight becomes', () => {
  let norm = new nn.WeightNorm(new nn.Linear(4, 3, { useBias: false, key }));
  const loss = (one: typeof norm): Tensor => one.forward(x).square().sum();
  const grads = filterGrad(loss)(norm);
  expect([grads.g.shape, grads.layer.weight.shape]).toEqual([[3, 1], [3, 4]]); // prettier-ignore
  norm = applyUpdates(norm, grads);
  const rows = [...ops.eye(4)].map((one) => norm.forward(one));
  const lengths = ops.stack(rows).square().sum(0).sqrt();
  expectClose(lengths, norm.g.reshape([3]).abs().toArray(), { rtol: 1e-5 });
});
