// A little of everything, for other versions of Node.
const { eqx, report, rss } = require('./report.cjs');

const { filterJit, filterValueAndGrad, filterVmap, jit, grad, nn, ones, random, tensor } = eqx;

const model = new nn.MLP(4, 2, 8, 1, { key: random.key(0) });
const loss = (m, x) => filterVmap(m)(x).square().mean();
const x = random.normal(random.key(1), [16, 4]);
const eager = filterValueAndGrad(loss)(model, x)[0].item();
const compiled = filterJit((m, a) => filterValueAndGrad(loss)(m, a))(model, x)[0].item();
const cube = jit(grad(grad((a) => a.pow(3))))(tensor(2)).item();
let refusal;
try {
  ones([2]).add(ones([3]));
} catch (error) {
  refusal = error.code;
}
for (let i = 0; i < 500; i++) ones([1024, 1024]);
void ones([3])
  .data()
  .then((data) => {
    report({
      node: process.versions.node,
      same: Math.abs(eager - compiled) < 1e-6,
      cube,
      refusal,
      data: Array.from(data),
      most: rss(),
    });
  });
