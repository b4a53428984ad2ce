// Bodies of control flow in a process that has used libtorch's own tape: from then on a derivative may be recorded there.
import { backward, grad as gradOfTape } from '../../lib/autograd';
import { scan } from '../../lib/control';
import type { Tensor } from '../../lib/tensor/tensor';
import { grad } from '../../lib/transform';
import { differences, type Fn, loss, places, steps, weights, x } from '../support/bodies';
import { distance, numbers, thrown } from '../support/numeric';

const watched = (): Tensor => x.add(0).requiresGrad_();

beforeAll(() => {
  backward(watched().sum());
});

const names = [
  'plain operators',
  'customVjp',
  'customVjp of pureCallback',
  'customJvp of pureCallback',
  'checkpoint',
];
const cases = Object.keys(places).flatMap((place) => names.map((step) => [step, place] as const));

test.each(cases)('%s in %s has the values and derivatives of a JavaScript loop', (step, place) => {
  expect(differences(places[place]!, steps[step]!)).toEqual([]);
});

const inPlace =
  (place: string, step: string): Fn =>
  (a) =>
    places[place]!.run(steps[step]!.step, a);
const twice = Object.keys(places).filter((name) => places[name]!.reverse === 2);

test.each(twice)('the tape differentiates a gradient of %s', (place) => {
  const gradient = grad(loss(inPlace(place, 'plain operators')));
  const p = watched();
  const [second] = gradOfTape(gradient(p).mul(weights).sum(), p);
  const expected = grad((a: Tensor) => gradient(a).mul(weights).sum())(x);
  expect(distance(numbers(second), numbers(expected))).toBeLessThan(1e-12);
});

test.each(twice)('a rule of a callback in %s is refused where the tape would differentiate it', (place) => {
  const error = thrown(() => grad(loss(inPlace(place, 'customVjp of pureCallback')))(watched()));
  expect(error).toMatchObject({ code: 'ERR_TRANSFORM' });
});

test('what a gradient of a loop captures of the tape is on the tape', () => {
  const p = watched();
  const f: Fn = (a) => scan((c: Tensor) => [c.mul(p).sin(), null], a, null, { length: 3 })[0].sum();
  const [mixed] = gradOfTape(grad(f)(x).sum(), p);
  const of = (q: Tensor): Tensor =>
    grad((a: Tensor) => scan((c: Tensor) => [c.mul(q).sin(), null], a, null, { length: 3 })[0].sum())(
      x,
    ).sum();
  expect(distance(numbers(mixed), numbers(grad(of)(x)))).toBeLessThan(1e-12);
});
