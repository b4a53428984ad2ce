import { combine, filter, isArray, partition } from '../../lib/filter';
import { ArgumentError } from '../../lib/base/errors';
import { assertMaxTraces } from '../../lib/debug';
import { Module } from '../../lib/module';
import { tensor } from '../../lib/tensor/create';
import { Tensor } from '../../lib/tensor/tensor';
import * as transforms from '../../lib/transform';
import { map } from '../../lib/tree';
import { thrown } from '../support/thrown';

const x = tensor([1, 2, 3]);
const double = (a: Tensor): Tensor => a.mul(2);
const total = (a: Tensor): Tensor => a.sum();

class Model extends Module {
  readonly weight = x;
  readonly step: (a: Tensor) => unknown;
  constructor(step: (a: Tensor) => unknown) {
    super();
    this.step = step;
  }
}

const readable = (leaf: unknown): unknown => (leaf instanceof Tensor ? leaf.toArray() : String(leaf));

describe.each<readonly [string, (a: Tensor) => unknown]>([
  ['filterJit', transforms.filterJit(double, { donate: 'none' })],
  ['filterVmap', transforms.filterVmap(double)],
  ['filterGrad', transforms.filterGrad(total)],
  ['filterValueAndGrad', transforms.filterValueAndGrad(total)],
  ['filterJacfwd', transforms.filterJacfwd(double)],
  ['filterJacrev', transforms.filterJacrev(double)],
  ['filterHessian', transforms.filterHessian(total)],
  ['filterCheckpoint', transforms.filterCheckpoint(double)],
  ['filterMakeGraph', transforms.filterMakeGraph(double)],
  ['assertMaxTraces', assertMaxTraces(double, { maxTraces: 9 })],
])('a model with a field that %s made', (_name, step) => {
  const model = new Model(step);

  test('is taken apart and put together again', () => {
    const [arrays, rest] = partition(model, isArray);
    expect(arrays.weight).toBe(x);
    const whole = combine(arrays, rest);
    expect(map(readable, whole.step(x))).toEqual(map(readable, step(x)));
  });

  test('without its functions says so when one is called', () => {
    const error = thrown(() => filter(model, isArray).step(x));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toContain('expected a function or a module with a method `forward`, got null');
  });

  test('is differentiated', () => {
    const gradient = transforms.filterGrad((m: Model) => m.weight.square().sum())(model);
    expect(gradient.weight.toArray()).toEqual([2, 4, 6]);
  });
});
