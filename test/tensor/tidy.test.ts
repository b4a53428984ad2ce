import '../../lib/ops';
import { Module } from '../../lib/module';
import { zeros } from '../../lib/ops/create';
import { tensor } from '../../lib/tensor/create';
import { memory } from '../../lib/tensor/memory';
import { refusePromise, tensorsIn, tidy } from '../../lib/tensor/tidy';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad, jit, vmap } from '../../lib/transform';
import { liveTensors } from '../support/collect';
import { codeOf, thrown } from '../support/thrown';

class Pair extends Module {
  readonly a: Tensor;
  readonly b: readonly Tensor[];
  constructor(a: Tensor, b: readonly Tensor[]) {
    super();
    this.a = a;
    this.b = b;
  }
}

/** How many tensors a function leaves. */
function left(run: () => unknown): number {
  const before = liveTensors();
  run();
  return memory().tensors - before;
}

test('only what is returned lives on', () => {
  const x = tensor([3, 4]);
  let norm: Tensor | undefined;
  expect(
    left(() => {
      norm = tidy(() => x.square().sum().sqrt());
    }),
  ).toBe(1);
  expect(norm?.item()).toBe(5);
  expect(x.toArray()).toEqual([3, 4]);
});

test('trees of any kind are kept whole', () => {
  const made = tidy(() => ({
    list: [tensor([1]), { deep: tensor([2]) }],
    map: new Map([['k', tensor([3])]]),
    module: new Pair(tensor([4]), [tensor([5])]),
    nothing: null,
    text: 'text',
  }));
  expect(tensorsIn(made).size).toBe(5);
  for (const x of tensorsIn(made)) expect(x.isDisposed).toBe(false);
  expect(made.module.b[0]?.item()).toBe(5);
});

test('a result that is no tensor keeps none', () => {
  expect(left(() => tidy(() => zeros([3]).sum().item()))).toBe(0);
  expect(
    left(() => {
      tidy(() => undefined);
    }),
  ).toBe(0);
  expect(tidy(() => 'text')).toBe('text');
});

test('a tensor from outside may be returned, and one that is returned twice is one', () => {
  const x = tensor([1]);
  expect(tidy(() => x)).toBe(x);
  const [a, b] = tidy(() => {
    const y = x.add(1);
    return [y, y];
  });
  expect(a).toBe(b);
  expect(a.item()).toBe(2);
});

test('what leaves otherwise is gone, and the error says where it went', () => {
  let leaked: Tensor | undefined;
  tidy(() => {
    leaked = tensor([1]);
  });
  expect(thrown(() => leaked?.add(1)).message).toBe(
    'add: expected a live tensor, got one that is gone: it was made inside `tidy`, which has ended; return it from there.',
  );
});

test('a container that is no tree node hides its tensors from tidy', () => {
  const hidden = tidy(() => new Set([tensor([1])]));
  expect(codeOf(() => [...hidden][0]?.item())).toBe('ERR_DISPOSED');
});

test('the scope inside hands what it returns to the scope outside', () => {
  let inner: Tensor | undefined;
  const count = left(() =>
    tidy(() => {
      inner = tidy(() => {
        zeros([5]);
        return tensor([7]);
      });
      expect(inner.item()).toBe(7);
      return null;
    }),
  );
  expect(count).toBe(0);
  expect(inner?.isDisposed).toBe(true);
});

test('an exception releases everything, and leaves the scope outside open', () => {
  const x = tidy(() => {
    const before = liveTensors();
    expect(() =>
      tidy(() => {
        zeros([3]);
        throw new Error('on purpose');
      }),
    ).toThrow('on purpose');
    expect(memory().tensors).toBe(before);
    return tensor([1]);
  });
  expect(x.item()).toBe(1);
});

test('disposing inside is allowed', () => {
  expect(
    left(() =>
      tidy(() => {
        const x = zeros([3]);
        x.dispose();
        return null;
      }),
    ),
  ).toBe(0);
});

test('a promise is refused: the scope would end before it', async () => {
  const before = liveTensors();
  expect(thrown(() => tidy(async () => Promise.resolve(zeros([3])))).message).toBe(
    'tidy: expected a function that returns its result, got one that returns a Promise. Await before or after it.',
  );
  expect(memory().tensors).toBe(before);
  // One that rejects is an error of tidy alone, not an unhandled rejection.
  expect(codeOf(() => tidy(async () => Promise.reject(new Error('on purpose'))))).toBe('ERR_TRANSFORM');
  await new Promise(setImmediate);
  expect(() => {
    refusePromise(1, 'tidy');
  }).not.toThrow();
});

test('a view that is kept holds what it looks at', () => {
  const view = tidy(() =>
    tensor([
      [1, 2],
      [3, 4],
    ]).index(1),
  );
  expect(view.toArray()).toEqual([3, 4]);
});

test('scopes and transforms nest in any order', () => {
  const x = tensor([1, 2, 3]);
  const square = (v: Tensor): Tensor => tidy(() => v.square().sum());
  expect(tidy(() => grad(square)(x)).toArray()).toEqual([2, 4, 6]);
  expect(tidy(() => jit(grad(square))(x)).toArray()).toEqual([2, 4, 6]);
  expect(tidy(() => vmap((row: Tensor) => tidy(() => row.mul(2)))(x)).toArray()).toEqual([2, 4, 6]);
  // The compiled program itself keeps no tensor here.
  const compiled = jit(grad(square));
  compiled(x);
  expect(left(() => tidy(() => compiled(x).sum().item()))).toBe(0);
});

test('the tensors of a tree', () => {
  const x = tensor([1]);
  expect(tensorsIn(x)).toEqual(new Set([x]));
  expect(tensorsIn({ a: [x, 1, 'text', null], b: x })).toEqual(new Set([x]));
  expect(tensorsIn(undefined).size).toBe(0);
});
