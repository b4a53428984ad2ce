import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Complex } from '../../lib/base/complex';
import type { DType } from '../../lib/base/dtype';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import { adopt } from '../../lib/tensor/lifetime';
import { printTensor } from '../../lib/tensor/print';
import type { Tensor } from '../../lib/tensor/tensor';

type Element = number | string | [Element, Element];

/** scripts/fixtures/print.py: torch._tensor_str._tensor_str of torch 2.13.0. */
interface Case {
  readonly dtype: DType;
  readonly shape: number[];
  readonly data: Element[];
  readonly text: string;
}

const cases = readFileSync(join(__dirname, '../fixtures/tensor/print.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Case);

function numberOf(element: Element): number | bigint | Complex {
  if (typeof element === 'number') return element;
  if (typeof element !== 'string')
    return new Complex(Number(numberOf(element[0])), Number(numberOf(element[1])));
  return /^-?\d{17,}$/.test(element) ? BigInt(element) : Number(element.replace('inf', 'Infinity'));
}

function tensorOf({ dtype, data, shape }: Case): Tensor {
  return ops.reshape(tensor(data.map(numberOf), { dtype }), shape);
}

test.each(cases.map((one, i) => [i, one.dtype, one.shape.join(), one] as const))(
  'case %i, %s[%s], reads as torch prints it',
  (_i, dtype, shape, one) => {
    const text = printTensor(tensorOf(one));
    const tail = new RegExp(`,\\s+${dtype}\\[${shape}\\]\\)$`);
    expect(text).toMatch(tail);
    expect(text.replace(tail, '')).toBe(`tensor(${one.text}`);
  },
);

test('toString and inspect are the same text, with dtype and shape after the values', () => {
  const x = tensor([
    [1, 2],
    [3.5, 4],
  ]);
  const expected = 'tensor([[1.0000, 2.0000],\n        [3.5000, 4.0000]], float32[2,2])';
  expect(x.toString()).toBe(expected);
  expect(inspect(x)).toBe(expected);
  expect(inspect({ x: tensor([1]) })).toBe('{ x: tensor([1.], float32[1]) }');
  expect(inspect([tensor(3)])).toBe('[ tensor(3., float32[]) ]');
});

test('dtype and shape go to a line of their own where the values fill the last one', () => {
  const text = ops.zeros([18]).toString();
  expect(text.split('\n')).toEqual([
    'tensor([0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.],',
    '       float32[18])',
  ]);
});

test('printing a large tensor keeps nothing', () => {
  const x = ops.zeros([300, 300]);
  const before = native().memory().tensors;
  expect(x.toString()).toContain('...');
  // The collector may release what earlier tests made meanwhile, so fewer are no mistake.
  expect(native().memory().tensors).toBeLessThanOrEqual(before);
});

test('a disposed tensor says so', () => {
  const x = tensor([1]);
  x.dispose();
  expect(x.toString()).toBe('tensor(<disposed>)');
});

test('a batched tensor prints without values', () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const depth = native().depth();
  try {
    const level = native().pushVmap(2);
    expect(adopt(native().batch(x._handle, 0, level)).toString()).toBe('tensor(<vmap>, float32[2])');
  } finally {
    native().unwind(depth);
  }
});

test('a traced tensor prints without values', () => {
  const x = tensor([1, 2]);
  const [traced] = native().beginTrace([x._handle], 'function');
  try {
    expect(adopt(traced ?? 0).toString()).toBe('tensor(<jit>, float32[2])');
  } finally {
    native().leaveTrace();
  }
});
