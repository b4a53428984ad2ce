import { ArgumentError } from '../../lib/base/errors';
import { map, scan, whileLoop } from '../../lib/control';
import { announceTransform } from '../../lib/debug';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import * as transforms from '../../lib/transform';
import { thrown } from '../support/thrown';

const x = tensor([1, 2, 3]);
const f = (a: Tensor): Tensor => a.square().sum();
const misspelt = { hasaux: true } as never;

// A misspelt option that is ignored is a wrong number later.
test.each<readonly [string, () => unknown, string]>([
  ['grad', () => transforms.grad(f, misspelt), 'the options argnums, hasAux'],
  ['valueAndGrad', () => transforms.valueAndGrad(f, misspelt), 'the options argnums, hasAux'],
  ['filterGrad', () => transforms.filterGrad(f, misspelt), 'the option hasAux'],
  ['filterValueAndGrad', () => transforms.filterValueAndGrad(f, misspelt), 'the option hasAux'],
  ['jacfwd', () => transforms.jacfwd(f, misspelt), 'the options argnums, hasAux'],
  ['jacrev', () => transforms.jacrev(f, misspelt), 'the options argnums, hasAux'],
  ['hessian', () => transforms.hessian(f, misspelt), 'the options argnums, hasAux'],
  ['filterJacfwd', () => transforms.filterJacfwd(f, misspelt), 'the option hasAux'],
  ['filterJacrev', () => transforms.filterJacrev(f, misspelt), 'the option hasAux'],
  ['filterHessian', () => transforms.filterHessian(f, misspelt), 'the option hasAux'],
  ['jit', () => transforms.jit(f, misspelt), 'the option staticArgnums'],
  ['filterJit', () => transforms.filterJit(f, misspelt), 'the option donate'],
  ['vmap', () => transforms.vmap(f, misspelt), 'the options inAxes, outAxes, axisSize, axisName'],
  ['filterVmap', () => transforms.filterVmap(f, misspelt), 'the options inAxes, outAxes, axisSize, axisName'],
  ['jvp', () => transforms.jvp(f, [x], [x], misspelt), 'the option hasAux'],
  ['customJvp', () => transforms.customJvp(f, misspelt), 'the option nondiffArgnums'],
  ['customVjp', () => transforms.customVjp(f, misspelt), 'the option nondiffArgnums'],
  ['errorIf', () => transforms.errorIf(x, false, 'never', misspelt), 'the option onError'],
  [
    'branchedErrorIf',
    () => transforms.branchedErrorIf(x, false, 0, ['never'], misspelt),
    'the option onError',
  ],
  ['allGather', () => transforms.allGather(x, 'batch', misspelt), 'the options axis, tiled'],
  ['nondifferentiable', () => transforms.nondifferentiable(x, misspelt), 'the options name, message'],
  [
    'nondifferentiableBackward',
    () => transforms.nondifferentiableBackward(x, misspelt),
    'the options name, message',
  ],
  ['nontraceable', () => transforms.nontraceable(x, misspelt), 'the options name, message'],
  ['nonbatchable', () => transforms.nonbatchable(x, misspelt), 'the options name, message'],
  ['scan', () => scan((c: Tensor) => [c, c], x, x, misspelt), 'the options length, reverse'],
  [
    'whileLoop',
    () => whileLoop((c: Tensor) => c.lt(1), f, tensor(0), misspelt),
    'the options kind, maxSteps, checkpoints, base',
  ],
  ['map', () => map(f, x, misspelt), 'the option batchSize'],
  ['announceTransform', () => announceTransform(x, misspelt), 'the options name, intermediates, announce'],
])('%s refuses an option that it does not have', (name, run, options) => {
  const error = thrown(run);
  expect(error).toBeInstanceOf(ArgumentError);
  expect(error.message).toBe(`${name}: expected ${options}, got "hasaux".`);
});
