import {
  ArgumentError,
  filterJit,
  filterVmap,
  isArray,
  Module,
  nn,
  ops,
  tensor,
  tree,
  treeEqual,
  type Tensor,
} from '../../lib';

class Counter extends nn.StatefulLayer {
  readonly index: nn.StateIndex<Tensor>;

  constructor(start = 0) {
    super();
    this.index = new nn.StateIndex(tensor(start));
  }

  forward(x: Tensor, { state }: { readonly state: nn.State }): readonly [Tensor, nn.State] {
    const count = state.get(this.index);
    return [x.add(count), state.set(this.index, count.add(1))];
  }
}

class Pair extends Module {
  readonly counters = [new Counter(1), new Counter(10)] as const;
  readonly scale = tensor(2);
}

test('makeWithState gives a model without initial values, and a state named by the places in it', () => {
  const [model, state] = nn.makeWithState(Pair)();
  expect(tree.leaves(model).filter(isArray)).toHaveLength(1);
  expect(String(state)).toBe('State(Pair.counters[0].index=f32[], Pair.counters[1].index=f32[])');
  expect(tree.leaves(state).map((x) => Number(x))).toEqual([1, 10]);
  expect(() => new nn.State(model)).toThrow(
    new ArgumentError(
      'nn.State: expected a model with its initial states, got one without. Make both with nn.makeWithState(Model)(...).',
    ),
  );
});

test('states of two models that were made alike fit each other, also when made inside of compiled code', () => {
  const [model, first] = nn.makeWithState(Pair)();
  const second = filterJit(() => nn.makeWithState(Pair)()[1])();
  expect(tree.structure(first).equals(tree.structure(second))).toBe(true);
  expect(treeEqual(first, second)).toBe(true);
  const [y] = model.counters[1].forward(tensor(1), { state: second });
  expect(Number(y)).toBe(11);
});

test('deleteInitState takes the initial values away', () => {
  const norm = new nn.BatchNorm(3, 'batch', { mode: 'ema' });
  const count = (t: unknown): number => tree.leaves(t).filter(isArray).length;
  expect(count(norm) - count(nn.deleteInitState(norm))).toBe(3);
  expect(tree.leaves(new nn.State(norm))).toHaveLength(3);
  expect(() => new nn.State(nn.deleteInitState(norm))).toThrow(ArgumentError);
});

test('set gives a new state and makes the old one invalid; a copy of an old one is a state', () => {
  const [model, state] = nn.makeWithState(Pair)();
  const copy = tree.map((x: unknown) => x, state as unknown) as nn.State;
  const { index } = model.counters[0];
  const next = state.set(index, tensor(5));
  expect(Number(next.get(index))).toBe(5);
  expect(Number(copy.get(index))).toBe(1);
  expect(String(state)).toBe('State(~old~)');
  const message = /expected the newest state, got one from which a newer one was made/;
  expect(() => state.get(index)).toThrow(message);
  expect(() => state.set(index, tensor(1))).toThrow(message);
  expect(() => state.substate(model)).toThrow(message);
  expect(() => tree.leaves(state)).toThrow(message);
  expect(() => next.update(state)).toThrow(message);
  expect(Number(next.get(index))).toBe(5);
});

test('a value keeps its structure, shapes and dtypes; numbers take the dtype of the old value', () => {
  const index = new nn.StateIndex({ count: tensor(0, { dtype: 'int32' }), mean: ops.zeros([3]) });
  const state = new nn.State([index]);
  const refused = [
    { count: tensor(1), mean: ops.zeros([3]) },
    { count: 1, mean: ops.zeros([2]) },
    { count: 1 },
    [1],
  ];
  for (const value of refused) {
    expect(() => state.set(index, value as never)).toThrow(
      /^nn.State.set: expected a value like the old one, {'count': i32\[\], 'mean': f32\[3\]}, got /,
    );
  }
  const next = state.set(index, { count: 1, mean: ops.ones([3]) } as never);
  expect(next.get(index).count.dtype).toBe('int32');
});

test('what is no index, or one of another model, is refused', () => {
  const [, state] = nn.makeWithState(Pair)();
  expect(() => state.get('x' as never)).toThrow(
    new ArgumentError('nn.State.get: expected a StateIndex, got leaf of type string.'),
  );
  expect(() => state.get(new nn.StateIndex(tensor(0)))).toThrow(
    /expected an index of this state, got Symbol\(state\)/,
  );
  expect(() => state.update({} as never)).toThrow('nn.State.update: expected a State, got object {}.');
  const other = new nn.State([new nn.StateIndex(tensor(0))]);
  expect(() => state.update(other)).toThrow(
    /expected a part of this state, got one with the index Symbol\(state\)/,
  );
  expect(() => new nn.StateIndex(() => 1)).toThrow(ArgumentError);
});

test('many layers in one keep many states: a part of the state is mapped, and put back', () => {
  class Model extends Module {
    readonly one = new Counter(7);
    readonly many = filterVmap(() => new Counter(), { axisSize: 2 })();

    forward(x: Tensor, { state }: { readonly state: nn.State }): readonly [Tensor, nn.State] {
      const [y, next] = this.one.forward(x, { state });
      const step = filterVmap((layer: Counter, row: Tensor, part: nn.State) =>
        layer.forward(row, { state: part }),
      );
      const [rows, part] = step(this.many, ops.stack([y, y.add(1)]), next.substate(this.many));
      return [rows, next.update(part)];
    }
  }
  const [model, first] = nn.makeWithState(Model)();
  let state = first;
  const step = filterJit((m: Model, x: Tensor, s: nn.State) => m.forward(x, { state: s }));
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const [y, next] = step(model, tensor(0), state);
    seen.push(y.toArray());
    state = next;
  }
  expect(seen).toEqual([[7, 8], [9, 10], [11, 12]]); // prettier-ignore
  expect(tree.leaves(state).map((x) => (x as Tensor).toArray())).toEqual([10, [3, 3]]);
});

test('a call that throws leaves the state of the caller valid', () => {
  const [model, state] = nn.makeWithState(Pair)();
  const failing = filterJit((m: Pair, s: nn.State) => {
    s.set(m.counters[0].index, tensor(9));
    throw new Error('half-way');
  });
  expect(() => failing(model, state)).toThrow('half-way');
  expect(Number(state.get(model.counters[0].index))).toBe(1);
});
