import {
  applyUpdates,
  filterGrad,
  filterJit,
  isArray,
  nn,
  optim,
  random,
  tree,
  type Tensor,
} from '../../lib';

const [first, second] = random.split(random.key(3)) as unknown as [random.Key, random.Key];
const make = () =>
  new nn.Shared(
    [new nn.Embedding(6, 4, { key: first }), new nn.Linear(4, 6, { key: second })] as const,
    ([, head]) => head.weight,
    ([embedding]) => embedding.weight,
  );
type Tied = ReturnType<typeof make>;

test('the shared node is kept once, and stands at both places of what forward returns', () => {
  const shared = make();
  expect(tree.leaves(shared).filter(isArray)).toHaveLength(2);
  const [embedding, head] = shared.forward();
  expect(head.weight).toBe(embedding.weight);
});

test('they stay tied after compiled updates, and the gradient is that of both uses', () => {
  const adam = optim.adam(0.1);
  const loss = (shared: Tied): Tensor => {
    const [embedding, head] = shared.forward();
    return head.forward(embedding.forward(2)).square().sum();
  };
  const step = filterJit((shared: Tied, state: optim.State) => {
    const [updates, next] = adam.update(filterGrad(loss)(shared), state, shared);
    return [applyUpdates(shared, updates), next] as const;
  });
  let shared = make();
  const before = shared.forward()[0].weight.toArray();
  let state = adam.init(shared);
  for (let i = 0; i < 2; i++) [shared, state] = step(shared, state);
  const [embedding, head] = shared.forward();
  expect(head.weight).toBe(embedding.weight);
  expect(embedding.weight.toArray()).not.toEqual(before);
  expect(loss(shared).item()).toBeLessThan(loss(make()).item() as number);
});

test('a whole layer, several nodes, and nodes computed from others are shared', () => {
  const pair = [new nn.Linear(3, 3, { key: first }), new nn.Linear(3, 3, { key: second })] as const;
  const layer = new nn.Shared(pair, ([, b]) => b, ([a]) => a); // prettier-ignore
  const [one, other] = layer.forward();
  expect([one.weight === other.weight, one.bias === other.bias]).toEqual([true, true]);
  const two = new nn.Shared(pair, ([, b]) => [b.weight, b.bias], ([a]) => [a.weight.t(), a.bias!.add(1)]); // prettier-ignore
  const [a, b] = two.forward();
  expect(b.weight.toArray()).toEqual(a.weight.t().toArray());
  expect(b.bias!.toArray()).toEqual(a.bias!.add(1).toArray());
});

test('nodes that differ in structure or shape are refused', () => {
  const pair = [new nn.Linear(3, 2, { key: first }), new nn.Linear(2, 3, { key: second })] as const;
  expect(() => new nn.Shared(pair, ([, b]) => b.weight, ([a]) => a.weight)).toThrow(/nn.Shared: expected nodes of the same structure, shapes and dtypes to share/); // prettier-ignore
});
