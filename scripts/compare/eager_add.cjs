// Prints the nanoseconds of a small eager `add` from JavaScript. Run by scripts/bench.mjs.
const { tensor } = require('../..');

const rounds = 200_000;
const x = tensor([1, 2, 3]);
const y = tensor([4, 5, 6]);
for (let i = 0; i < rounds / 4; i++) x.add(y);
const started = process.hrtime.bigint();
for (let i = 0; i < rounds; i++) x.add(y);
console.log(Number(process.hrtime.bigint() - started) / rounds);
