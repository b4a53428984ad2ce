import {
  applyUpdates,
  arange,
  filter,
  filterJit,
  filterValueAndGrad,
  filterVmap,
  isInexactArray,
  Module,
  nn,
  optim,
  random,
  relu,
  type Tensor,
} from '../../index';
import { parameters } from '../training';
import type { Workload } from '../workload';

type Stateful = readonly [y: Tensor, state: nn.State];

const batchNorm = (channels: number) => new nn.BatchNorm(channels, 'batch', { mode: 'batch' });

/** Two convolutions of 3x3, and what came in added to what they give. */
class BasicBlock extends Module {
  readonly conv1: nn.Conv2d;
  readonly norm1: nn.BatchNorm;
  readonly conv2: nn.Conv2d;
  readonly norm2: nn.BatchNorm;
  readonly short: readonly [nn.Conv2d, nn.BatchNorm] | null;

  constructor(start: number, end: number, stride: number, key: random.Key) {
    super();
    const [k1, k2, k3] = random.split(key, 3);
    this.conv1 = new nn.Conv2d(start, end, 3, { stride, padding: 1, useBias: false, key: k1 });
    this.norm1 = batchNorm(end);
    this.conv2 = new nn.Conv2d(end, end, 3, { padding: 1, useBias: false, key: k2 });
    this.norm2 = batchNorm(end);
    this.short =
      stride === 1 && start === end
        ? null
        : [new nn.Conv2d(start, end, 1, { stride, useBias: false, key: k3 }), batchNorm(end)];
  }

  forward(x: Tensor, given: nn.State): Stateful {
    let [y, state] = this.norm1.forward(this.conv1.forward(x), { state: given });
    [y, state] = this.norm2.forward(this.conv2.forward(relu(y)), { state });
    if (this.short === null) return [relu(y.add(x)), state];
    const [conv, norm] = this.short;
    const [short, last] = norm.forward(conv.forward(x), { state });
    return [relu(y.add(short)), last];
  }
}

/** ResNet-18 for 10 classes: arXiv:1512.03385, table 1. */
class ResNet extends Module {
  readonly conv: nn.Conv2d;
  readonly norm: nn.BatchNorm;
  readonly pool: nn.MaxPool2d;
  readonly blocks: readonly BasicBlock[];
  readonly linear: nn.Linear;

  constructor() {
    super();
    const keys = random.split(random.key(0), 10).unbind(0);
    const next = () => keys.pop() ?? random.key(0);
    this.conv = new nn.Conv2d(3, 64, 7, { stride: 2, padding: 3, useBias: false, key: next() });
    this.norm = batchNorm(64);
    this.pool = new nn.MaxPool2d(3, { stride: 2, padding: 1 });
    const stages = [
      [64, 64, 1],
      [64, 128, 2],
      [128, 256, 2],
      [256, 512, 2],
    ] as const;
    this.blocks = stages.flatMap(([start, end, stride]) => [
      new BasicBlock(start, end, stride, next()),
      new BasicBlock(end, end, 1, next()),
    ]);
    this.linear = new nn.Linear(512, 10, { key: next() });
  }

  /** @param x  float32[3, height, width] */
  forward(x: Tensor, given: nn.State): Stateful {
    const [normed, first] = this.norm.forward(this.conv.forward(x), { state: given });
    let [y, state] = [this.pool.forward(relu(normed)), first];
    for (const block of this.blocks) [y, state] = block.forward(y, state);
    return [this.linear.forward(y.mean([1, 2])), state];
  }
}

const inputs = () => ({
  x: random.normal(random.key(1), [16, 3, 64, 64]),
  y: arange(16).remainder(10),
});

const make = () => nn.makeWithState(ResNet)();

export const resnet: Workload = {
  name: 'resnet',
  title: 'training step of ResNet-18 with batch norm, 16x3x64x64, adamw',
  settings: {},
  tensors: () => ({ ...parameters(make()[0]), ...inputs() }),
  start() {
    const optimiser = optim.adamw(1e-3, { weightDecay: 1e-4 });
    const run = (model: ResNet, norms: nn.State, x: Tensor) =>
      filterVmap(model, { axisName: 'batch', inAxes: [0, null], outAxes: [0, null] })(x, norms);
    const loss = (model: ResNet, norms: nn.State, { x, y }: ReturnType<typeof inputs>) => {
      const [logits, next] = run(model, norms, x);
      return [optim.softmaxCrossEntropyWithIntegerLabels(logits, y).mean(), next] as const;
    };
    const step = filterJit(
      (batch: ReturnType<typeof inputs>, model: ResNet, norms: nn.State, state: optim.State) => {
        const [[value, next], grads] = filterValueAndGrad(loss, { hasAux: true })(model, norms, batch);
        const [updates, nextState] = optimiser.update(grads, state, model);
        return [applyUpdates(model, updates), next, nextState, value] as const;
      },
      { donate: 'all-except-first' },
    );
    const batch = inputs();
    let [model, norms] = make();
    let state = optimiser.init(filter(model, isInexactArray));
    let value: Tensor | undefined;
    const once = (): void => {
      [model, norms, state, value] = step(batch, model, norms, state);
    };
    return {
      step: once,
      first() {
        once();
        return [Number(value)];
      },
    };
  },
};
