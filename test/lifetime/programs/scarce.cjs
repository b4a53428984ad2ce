// In an address space that the caller limits: forgets a tensor without which there is no room for the next one.
const { eqx, report } = require('./report.cjs');

const { empty, memory, ones, trimMemory } = eqx;
const megabyte = 1 << 20;
const bytes = { dtype: 'uint8' };

/** The largest tensor that there is room for, in MB. */
let [fits, fails] = [0, 8000];
while (fails - fits > 16) {
  const middle = (fits + fails) >> 1;
  try {
    empty([middle * megabyte], bytes).dispose();
    fits = middle;
  } catch {
    fails = middle;
  }
  trimMemory();
}

function forget() {
  // More than the eighth by which the allocator may round the largest one up.
  empty([1000 * megabyte], bytes);
}
forget();
const before = memory().tensors;
const made = empty([fits * megabyte], bytes);
const after = memory().tensors;
let code;
try {
  empty([1000 * megabyte], bytes);
} catch (error) {
  code = error.code;
}
report({ before, after, made: !made.isDisposed, code, then: ones([2]).add(1).toArray() });
