import { cond, foriLoop, map, scan, switchCase, whileLoop } from '../../lib/control';
import * as ops from '../../lib/ops';
import { tensor } from '../../lib/tensor/create';
import type { Tensor } from '../../lib/tensor/tensor';
import { branchedErrorIf } from '../../lib/transform/error-if';
import {
  checkpoint,
  customJvp,
  customVjp,
  errorIf,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  pureCallback,
  stopGradient,
  vmap,
} from '../../lib/transform';
import { distance, numbers, waves } from './numeric';

export type Fn = (x: Tensor) => Tensor;

/** Control flow around a step, and the same in JavaScript. */
export interface Place {
  readonly run: (step: Fn, x: Tensor) => Tensor;
  readonly plain: (step: Fn, x: Tensor) => Tensor;
  /** How many times it may be differentiated backward; forward any number of times unless it is `reverseOnly`. */
  readonly reverse: 0 | 1 | 2;
  readonly reverseOnly?: boolean;
}

const ts = waves([3], 40);
const repeated =
  (count: number) =>
  (step: Fn, x: Tensor): Tensor => {
    let c = x;
    for (let i = 0; i < count; i++) c = step(c);
    return c;
  };
const looped =
  (options: Parameters<typeof whileLoop>[3]) =>
  (step: Fn, x: Tensor): Tensor =>
    whileLoop(
      ({ i }: { readonly i: Tensor; readonly c: Tensor }) => i.lt(3),
      ({ i, c }) => ({ i: i.add(1), c: step(c) }),
      { i: tensor(0), c: x },
      options,
    ).c;

export const places: Readonly<Record<string, Place>> = {
  scan: {
    run: (step, x) => scan((c: Tensor, t: Tensor) => [step(c.add(t)), null], x, ts)[0],
    plain: (step, x) => ts.unbind(0).reduce((c, t) => step(c.add(t)), x),
    reverse: 2,
  },
  foriLoop: { run: (step, x) => foriLoop(0, 3, (_i, c) => step(c), x), plain: repeated(3), reverse: 2 },
  map: {
    run: (step, x) => map(step, x),
    plain: (step, x) => ops.stack(x.unbind(0).map((a) => step(a))),
    reverse: 2,
  },
  'whileLoop, lax': { run: looped({}), plain: repeated(3), reverse: 0 },
  'whileLoop, checkpointed': {
    run: looped({ kind: 'checkpointed', checkpoints: 2 }),
    plain: repeated(3),
    reverse: 1,
    reverseOnly: true,
  },
  'whileLoop, bounded': {
    run: looped({ kind: 'bounded', maxSteps: 4, base: 2 }),
    plain: repeated(3),
    reverse: 2,
  },
  cond: {
    run: (step, x) => cond(x.square().sum().gt(0), step, (a: Tensor) => a.cos(), x),
    plain: repeated(1),
    reverse: 2,
  },
  switchCase: {
    run: (step, x) => switchCase(x.square().sum().gt(0).to('int64'), [(a: Tensor) => a.cos(), step], x),
    plain: repeated(1),
    reverse: 2,
  },
};

export interface Step {
  readonly step: Fn;
  readonly reverseOnly?: boolean;
  /** Whether it has no second derivative. */
  readonly onceOnly?: boolean;
}

const onHost =
  (f: Fn): Fn =>
  (a) =>
    pureCallback(f, [a], { resultShapeDtypes: a });
const [sine, cosine] = [onHost((a) => a.sin()), onHost((a) => a.cos())];
const hostSine = customVjp(sine).defvjp(
  (a) => [sine(a), a],
  (a: Tensor, g: Tensor) => [cosine(a).mul(g)],
);
const pushedHostSine = customJvp(sine).defjvp(([a]: [Tensor], [t]: [Tensor]) => [sine(a), cosine(a).mul(t)]);

// The rules give thrice the derivative, so that it shows that they ran.
export const steps: Readonly<Record<string, Step>> = {
  'plain operators': { step: (a) => a.sin().mul(1.1) },
  jit: { step: jit((a: Tensor) => a.sin().mul(1.1)) },
  customVjp: {
    step: customVjp((a: Tensor) => a.sin()).defvjp(
      (a) => [a.sin(), a],
      (a: Tensor, g: Tensor) => [a.cos().mul(g).mul(3)],
    ),
    reverseOnly: true,
  },
  customJvp: {
    step: customJvp((a: Tensor) => a.sin()).defjvp(([a]: [Tensor], [t]: [Tensor]) => [
      a.sin(),
      a.cos().mul(t).mul(3),
    ]),
  },
  checkpoint: { step: checkpoint((a: Tensor) => a.sin().mul(a).add(0.5)) },
  'checkpoint of customJvp': {
    step: checkpoint((a: Tensor) =>
      customJvp((b: Tensor) => b.sin())
        .defjvp(([b]: [Tensor], [t]: [Tensor]) => [b.sin(), b.cos().mul(t).mul(3)])(a)
        .mul(a),
    ),
  },
  errorIf: { step: (a) => errorIf(a.sin(), a.gt(1e6).any(), 'too large') },
  branchedErrorIf: {
    step: (a) => branchedErrorIf(a.sin(), a.gt(1e6).any(), 1, ['small', 'large']),
  },
  'customVjp of pureCallback': { step: hostSine, reverseOnly: true, onceOnly: true },
  'customJvp of pureCallback': { step: pushedHostSine, onceOnly: true },
  pureCallback: {
    step: (a) => {
      const fixed = stopGradient(a);
      return a.sin().add(pureCallback((b: Tensor) => b.mul(0.3), [fixed], { resultShapeDtypes: fixed }));
    },
  },
};

export const x = waves([3], 7);
const batch = waves([2, 3], 11);
export const weights = waves([3], 90);
export const loss =
  (f: Fn): Fn =>
  (a) =>
    f(a).mul(weights).sum();

/** Derivatives, made of a function. */
export const uses: Readonly<
  Record<string, { readonly of: (f: Fn) => Fn; readonly input: Tensor; readonly needs: string }>
> = {
  value: { of: (f) => f, input: x, needs: '' },
  vmap: { of: (f) => vmap(f), input: batch, needs: '' },
  grad: { of: (f) => grad(loss(f)), input: x, needs: 'r' },
  'vmap of grad': { of: (f) => vmap(grad(loss(f))), input: batch, needs: 'r' },
  'grad of vmap': { of: (f) => grad((a: Tensor) => vmap(f)(a).mul(weights).sum()), input: batch, needs: 'r' },
  jacrev: { of: (f) => jacrev(f), input: x, needs: 'r' },
  jvp: { of: (f) => (a) => jvp(f, [a], [weights])[1], input: x, needs: 'f' },
  jacfwd: { of: (f) => jacfwd(f), input: x, needs: 'f' },
  hessian: { of: (f) => hessian(loss(f)), input: x, needs: 'fr' },
  'grad of grad': { of: (f) => grad((a: Tensor) => grad(loss(f))(a).square().sum()), input: x, needs: 'rr' },
};

export function isPossible(place: Place, step: Step, needs: string): boolean {
  const reverse = needs.replaceAll('f', '').length;
  if (needs.includes('f') && (place.reverseOnly === true || step.reverseOnly === true)) return false;
  if (step.onceOnly === true && needs.length > 1) return false;
  return reverse <= place.reverse;
}

/** Runs a step in control flow under every transform that it allows, eager and compiled; gives where it is not as in JavaScript. */
export function differences(place: Place, step: Step): string[] {
  const run: Fn = (a) => place.run(step.step, a);
  const plain: Fn = (a) => place.plain(step.step, a);
  const failed: string[] = [];
  for (const [useName, { of, input, needs }] of Object.entries(uses)) {
    if (!isPossible(place, step, needs)) continue;
    const expected = numbers(of(plain)(input));
    const variants = { eager: of(run), jit: jit(of(run)), inside: of(jit(run)) };
    for (const [name, variant] of Object.entries(variants)) {
      for (let time = 0; time < (name === 'jit' ? 2 : 1); time++) {
        const off = distance(numbers(variant(input)), expected);
        if (!(off < 1e-12)) failed.push(`${useName}, ${name}: ${off}`);
      }
    }
  }
  return failed;
}
