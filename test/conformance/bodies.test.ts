import { scan } from '../../lib/control';
import { native } from '../../lib/native';
import * as ops from '../../lib/ops';
import type { Tensor } from '../../lib/tensor/tensor';
import {
  errorIf,
  filterJit,
  filterPureCallback,
  grad,
  jit,
  jvp,
  pureCallback,
  vmap,
} from '../../lib/transform';
import { differences, type Fn, isPossible, places, steps, uses, x } from '../support/bodies';
import { expectNothingLeft, thrown } from '../support/numeric';

describe.each(Object.keys(places))('in %s', (placeName) => {
  const place = places[placeName]!;

  test.each(Object.keys(steps))('%s has the values and derivatives of a JavaScript loop', (stepName) => {
    expect(differences(place, steps[stepName]!)).toEqual([]);
    expect([native().depth(), native().tracing()]).toEqual([0, false]);
  });

  const forms: Readonly<Record<string, (f: Fn) => Fn>> = {
    eager: (f) => f,
    jit: (f) => jit(f),
    vmap: (f) => (a) => vmap(f)(ops.stack([a, a])),
    'jit of vmap': (f) => (a) => jit(vmap(f))(ops.stack([a, a])),
  };

  test.each(Object.keys(forms))('a failed errorIf throws from it, %s, and leaves nothing', (form) => {
    const checked: Fn = (a) => errorIf(a.mul(2), a.gt(100).any(), 'a value above 100');
    const run = forms[form]!((a) => place.run(checked, a));
    expectNothingLeft(() => {
      const error = thrown(() => run(x.add(200)));
      expect(error).toMatchObject({ code: 'ERR_RUNTIME' });
      expect(error.message).toContain('a value above 100');
    }, 2);
    run(x);
  });

  test('a throw in pureCallback comes out as it is, eager and compiled', () => {
    class Mine extends Error {}
    const throwing: Fn = (a) =>
      pureCallback(
        (_b: Tensor) => {
          throw new Mine('mine');
        },
        [a],
        { resultShapeDtypes: a },
      );
    for (const form of [(f: Fn) => f, (f: Fn): Fn => jit(f), (f: Fn): Fn => filterJit(f)]) {
      expect(() => form((a) => place.run(throwing, a))(x)).toThrow(Mine);
      expect([native().depth(), native().tracing()]).toEqual([0, false]);
    }
  });

  test('pureCallback and filterPureCallback refuse derivatives, in every mode', () => {
    const calls: readonly Fn[] = [
      (a) => pureCallback((b: Tensor) => b, [a], { resultShapeDtypes: a }),
      (a) => filterPureCallback((b: Tensor) => b, [a], { resultShapeDtypes: a }),
    ];
    for (const call of calls) {
      for (const { of, input, needs } of Object.values(uses)) {
        if (needs === '' || !isPossible(place, { step: call }, needs)) continue;
        for (const wrap of [(f: Fn) => f, (f: Fn): Fn => jit(f)]) {
          const error = thrown(() => wrap(of((a) => place.run(call, a)))(input));
          expect(error).toMatchObject({ code: 'ERR_TRANSFORM' });
          expect(error.message).toContain('which cannot see into JavaScript. Use stopGradient');
        }
      }
    }
    expect([native().depth(), native().tracing()]).toEqual([0, false]);
  });

  test('customVjp refuses forward mode', () => {
    if (place.reverseOnly === true) return;
    const step = steps['customVjp']!.step;
    for (const wrap of [(f: Fn) => f, (f: Fn): Fn => jit(f)]) {
      const error = thrown(() => wrap((a) => jvp((b: Tensor) => place.run(step, b), [a], [a])[1])(x));
      expect(error).toMatchObject({ code: 'ERR_TRANSFORM' });
      expect(error.message).toContain('expected a derivative in reverse mode');
    }
  });
});

test('a compiled loop with rules, checks and callbacks in it is one graph, whatever its length', () => {
  const sizes = [3, 300].map((length) => {
    const f = jit((a: Tensor) => {
      const step = (c: Tensor): Tensor =>
        Object.values(steps).reduce((y, one) => (one.reverseOnly === true ? y : one.step(y)), c);
      return grad((b: Tensor) => scan((c: Tensor) => [step(c), null], b, null, { length })[0].sum())(a);
    });
    return Object.values(f.lower(x).operators).reduce((sum, count) => sum + count, 0);
  });
  expect(sizes[0]).toBe(sizes[1]);
});
