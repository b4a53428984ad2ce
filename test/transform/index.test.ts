import * as equinode from 'equinode';

// The names that the design promises for transforms. `filterPmap` and `filterShard` come with devices and processes.
const promised = [
  ...[
    'call',
    'jit',
    'grad',
    'valueAndGrad',
    'vmap',
    'jvp',
    'vjp',
    'jacfwd',
    'jacrev',
    'hessian',
    'checkpoint',
  ],
  ...['customJvp', 'customVjp', 'closureConvert', 'evalShape', 'makeGraph', 'pureCallback', 'stopGradient'],
  ...[
    'filterJit',
    'filterGrad',
    'filterValueAndGrad',
    'filterVmap',
    'filterJvp',
    'filterVjp',
    'filterJacfwd',
  ],
  ...['filterJacrev', 'filterHessian', 'filterCustomJvp', 'filterCustomVjp', 'filterCheckpoint'],
  ...['filterClosureConvert', 'filterEvalShape', 'filterMakeGraph', 'filterPureCallback', 'clearCaches'],
  ...['ifArray', 'psum', 'pmean', 'pmax', 'pmin', 'allGather', 'axisIndex'],
  ...['cond', 'switchCase', 'scan', 'whileLoop', 'foriLoop', 'map', 'errorIf', 'branchedErrorIf'],
];

test.each(promised)('the package exports %s', (name) => {
  expect(typeof (equinode as object as Record<string, unknown>)[name]).toBe('function');
});

test.each([
  ...['announceTransform', 'backwardNan', 'breakpointIf', 'storeDce', 'inspectDce', 'assertMaxTraces'],
  'getNumTraces',
])('the package exports debug.%s', (name) => {
  expect(typeof (equinode.debug as object as Record<string, unknown>)[name]).toBe('function');
});

test('a compiled function has what the design promises', () => {
  const jitted = equinode.filterJit((x: equinode.Tensor) => x.add(1));
  expect(Object.keys(jitted).sort()).toEqual(['async', 'clearCache', 'explain', 'lower']);
  expect(Object.keys(jitted.lower(equinode.ones([2]))).sort()).toEqual([
    ...['constants', 'graph', 'operators', 'save'],
  ]);
});
