import { filterVmap, nn, ops, random, tensor, treeAt } from '../../lib';

const key = random.key(0);
const x = ops.ones([8]);

test('exact numbers: what jax.random.PRNGKey(0) drops', () => {
  expect(new nn.Dropout(0.5).forward(x, { key }).toArray()).toEqual([0, 0, 2, 2, 0, 2, 2, 0]);
  const quarter = new nn.Dropout(0.25).forward(x, { key }).toArray() as number[];
  expect(quarter.map((value) => value === 0)).toEqual([true, true, ...Array<boolean>(6).fill(false)]);
  expect(quarter[7]).toBeCloseTo(4 / 3, 6);
});

test('in inference nothing is dropped, and no key is needed; the call says more than the layer', () => {
  const layer = new nn.Dropout(0.5);
  expect(layer.forward(x, { inference: true })).toBe(x);
  expect(nn.inferenceMode(layer).forward(x)).toBe(x);
  const on = nn.inferenceMode(layer).forward(x, { key, inference: false });
  expect(on.toArray()).toEqual([0, 0, 2, 2, 0, 2, 2, 0]);
});

test('the rate is a leaf, which treeAt replaces', () => {
  const none = treeAt((layer: nn.Dropout) => layer.p, new nn.Dropout(0.5), 0);
  expect(none.forward(x)).toBe(x);
  const all = treeAt((layer: nn.Dropout) => layer.p, new nn.Dropout(0.5), tensor(1));
  expect(all.forward(x, { key }).toArray()).toEqual(Array(8).fill(0));
});

test('each example of a batch drops by its own key', () => {
  const rows = filterVmap((row: typeof x, one: random.Key) => new nn.Dropout(0.5).forward(row, { key: one }))(
    ops.ones([2, 8]),
    random.split(key),
  );
  const alone = [...random.split(key)].map((one) => new nn.Dropout(0.5).forward(x, { key: one }).toArray());
  expect(rows.toArray()).toEqual(alone);
});
