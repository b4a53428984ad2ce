// Prints the milliseconds that a million uniform numbers take. Run by scripts/bench.mjs.
const { random, tidy } = require('../..');

const rounds = 50;
const key = random.key(0);
const draw = () => tidy(() => void random.uniform(key, [1_000_000]));
for (let i = 0; i < rounds / 4; i++) draw();
const started = process.hrtime.bigint();
for (let i = 0; i < rounds; i++) draw();
console.log(Number(process.hrtime.bigint() - started) / 1e6 / rounds);
