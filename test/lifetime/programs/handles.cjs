// More live tensors than small handles can name (2^22: native/core/handle.h). Argument: how many.
const { eqx, report, rss } = require('./report.cjs');

const count = Number(process.argv[2]);
const list = new Array(count);
for (let i = 0; i < count; i++) list[i] = eqx.full([1], i, { dtype: 'int32' });
const live = eqx.memory().tensors;
const places = [0, 1, 2 ** 22 - 1, 2 ** 22, 2 ** 22 + 1, count - 1].filter((place) => place < count);
const right = places.every(
  (place) => list[place].item() === place && list[place].add(1).item() === place + 1,
);
const stacked = eqx
  .stack(places.map((place) => list[place]))
  .sum()
  .item();
const expected = places.reduce((sum, place) => sum + place, 0);
const most = rss();
// A slot beyond the border is reused with another generation, and its old handle stays dead.
const last = list[count - 1];
last.dispose();
const reused = eqx.full([1], 7, { dtype: 'int32' });
let refused = false;
try {
  last.item();
} catch (error) {
  refused = error.code === 'ERR_DISPOSED';
}
const again = reused.item() === 7;
for (const one of list) one.dispose();
report({ live, right: right && stacked === expected && refused && again, most, left: eqx.memory().tensors });
