// Collects garbage at every other step while tensors are made, used, kept and dropped in every way; run it with
// --expose-gc. What was computed must be right, and nothing may be left.
const { eqx, report } = require('./report.cjs');

const { grad, jit, memory, ones, tensor, tidy, vmap } = eqx;

const collect = globalThis.gc;
collect();
const before = memory().tensors;
const slope = grad((x) => x.square().sum());
const compiled = jit((x) => slope(x).mul(2));
const batched = vmap((x) => compiled(x));

function round(i) {
  const kept = [];
  const x = tensor([i, i + 1, i + 2]);
  if (i % 2 === 0) collect();
  kept.push(tidy(() => ({ view: ones([64, 64]).mul(i).index('1:'), both: [x.add(1), x] })));
  if (i % 3 === 0) collect();
  const slopes = compiled(x).toArray();
  const rows = batched(ones([4, 3]).mul(i));
  kept.push(rows);
  if (i % 5 === 0) collect();
  const early = x.mul(3);
  early.dispose();
  const right =
    slopes.every((value, at) => value === 4 * (i + at)) &&
    rows.toTypedArray().every((value) => value === 4 * i) &&
    kept[0].view.toTypedArray().every((value) => value === i) &&
    kept[0].both[0].toArray()[0] === i + 1;
  if (!right) throw new Error(`round ${i} gave other numbers`);
}
for (let i = 0; i < 300; i++) round(i);
collect();
report({ left: memory().tensors - before });
