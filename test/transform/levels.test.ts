import { native } from '../../lib/native';
import { tensor } from '../../lib/tensor/create';
import { memory } from '../../lib/tensor/memory';
import type { Tensor } from '../../lib/tensor/tensor';
import { withLevel } from '../../lib/transform/levels';
import { expectNothingLeft, thrown } from '../support/numeric';

const push = (): number => native().pushVmap(2);

test('gives the body its level and takes the layer away afterwards', () => {
  const levels: number[] = [];
  const result = withLevel('outer', push, (outer) => {
    levels.push(outer, native().depth());
    const inner = withLevel('inner', push, (level) => {
      levels.push(level, native().depth());
      return [level, new Set()];
    });
    levels.push(native().depth());
    return [inner, new Set()];
  });
  expect(levels).toEqual([1, 1, 2, 2, 1]);
  expect(result).toBe(2);
  expect(native().depth()).toBe(0);
});

test('releases what is not kept, and says of it where it came from', () => {
  const before = memory().tensors;
  let lost: Tensor | undefined;
  const kept = withLevel('vmap', push, () => {
    lost = tensor([1]);
    const result = tensor([2]);
    return [result, new Set([result])];
  });
  expect(kept.toArray()).toEqual([2]);
  expect(memory().tensors).toBe(before + 1);
  expect(thrown(() => lost?.toArray()).message).toBe(
    'toArray: expected a live tensor, got one that is gone: it was made inside `vmap`, which has ended; return it from there.',
  );
});

test('takes all layers away when the body throws, those of a transform that was not ended too', () => {
  expectNothingLeft(() => {
    const failing = (): unknown =>
      withLevel('outer', push, () => {
        native().pushGrad();
        native().pushVmap(3);
        throw new RangeError('from the body');
      });
    expect(failing).toThrow(new RangeError('from the body'));
  });
});

test('takes nothing away when the layer cannot be pushed', () => {
  expectNothingLeft(() => {
    const failing = (): unknown =>
      withLevel(
        'outer',
        () => {
          throw new Error('no layer');
        },
        () => [1, new Set()],
      );
    expect(failing).toThrow('no layer');
  });
});
