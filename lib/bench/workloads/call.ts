import { filterJit, Module, ops, random, type Tensor } from '../../index';
import type { Workload } from '../workload';

class Leaves extends Module {
  readonly leaves: readonly Tensor[];
  constructor(count: number) {
    super();
    this.leaves = random
      .split(random.key(0), count)
      .unbind(0)
      .map((key) => random.normal(key, [2]));
  }
}

const leafCount = 100;

/** The cost of one call of a compiled function that does nothing. */
export const call: Workload = {
  name: 'call',
  title: `a compiled function that returns its model of ${leafCount} leaves as it is`,
  settings: { leafCount },
  tensors: () => ({}),
  start() {
    const identity = filterJit((model: Leaves) => model);
    const model = new Leaves(leafCount);
    return {
      step() {
        identity(model);
      },
      first: () => [identity(model).leaves.length],
    };
  },
};

/** The cost of one small operator that is called eagerly. */
export const eagerAdd: Workload = {
  name: 'eager-add',
  title: 'an eager add of float32[3], 1,000 times',
  settings: {},
  tensors: () => ({ a: ops.ones([3]), b: ops.ones([3]) }),
  start() {
    const [a, b] = [ops.ones([3]), ops.ones([3])];
    return {
      step() {
        for (let i = 0; i < 1000; i++) a.add(b);
      },
      first: () => a.add(b).toArray() as number[],
    };
  },
};
