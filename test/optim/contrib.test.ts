import { ArgumentError, nn, optim, random, ShapeError, tensor, type Tensor } from '../../lib';
import { expectClose } from '../support/close';

const weights = random.normal(random.key(0), [4, 6]);

test.each(['frobenius', 'spectral', 'aol', 'schatten'] as const)(
  'muon makes matrices nearly orthogonal, preconditioned by %s',
  (preconditioning) => {
    const optimiser = optim.scaleByMuon({ preconditioning, nsSteps: 12 });
    for (const matrix of [weights, weights.t()]) {
      const [direction] = optimiser.update(matrix, optimiser.init(matrix));
      // The iteration brings singular values between 0.7 and 1.2, not to 1.
      const [, values] = direction.linalgSvd();
      expect(Number(values.amin())).toBeGreaterThan(0.6);
      expect(Number(values.amax())).toBeLessThan(1.3);
    }
  },
);

test('muon steps matrices, and Adam the rest, of a whole model', () => {
  const model = new nn.MLP(2, 1, 4, 1, { key: random.key(0) });
  const optimiser = optim.muon(0.1);
  const { innerStates } = optimiser.init(model) as { innerStates: Readonly<Record<string, unknown>> };
  expect(Object.keys(innerStates)).toEqual(['muon', 'adam']);
});

test('the parameters of scheduleFree are those of the average after one step', () => {
  const params = { w: tensor([1, 2]) };
  const optimiser = optim.scheduleFreeSgd(0.5);
  const [updates, state] = optimiser.update({ w: tensor([1, 1]) }, optimiser.init(params), params);
  const moved = { w: params.w.add(updates.w) };
  expectClose(optim.scheduleFreeEvalParams(state, moved).w, [0.5, 1.5]);
});

test('reduceOnPlateau shrinks after as many values as it is patient for', () => {
  const optimiser = optim.reduceOnPlateau({ factor: 0.5, patience: 2 });
  let state = optimiser.init(weights);
  const scales = [3, 2, 2, 2, 1, 1].map((value) => {
    [, state] = optimiser.update(weights, state, undefined, { value });
    return (state as { scale: Tensor }).scale.item();
  });
  expect(scales).toEqual([1, 1, 1, 0.5, 0.5, 0.5]);
});

test('settings that make no sense are refused, by the function that was asked for', () => {
  const bias = tensor([1, 2]);
  const matricesOnly = optim.scaleByMuon();
  expect(() => matricesOnly.update(bias, matricesOnly.init(bias))).toThrow(
    new ShapeError('optim.scaleByMuon: expected matrices, got an update of the shape [2].'),
  );
  expect(() => optim.scaleByMuon({ nsCoeffs: [1, 2] as never })).toThrow(ArgumentError);
  expect(() => optim.scaleByMuon({ nsSteps: 1, nsCoeffs: [[1, 2, 3], [1, 2, 3]] })).toThrow(ArgumentError); // prettier-ignore
  expect(() => optim.scaleByMuon({ preconditioning: 'none' as never })).toThrow(ArgumentError);
  expect(() => optim.muon(0.1, { nsCoeffs: 'diff' as never })).toThrow(
    new ArgumentError("optim.muon: expected the coefficients 'standard' or 'dion', got \"diff\"."),
  );
  expect(() => optim.reduceOnPlateau({ factor: 1 })).toThrow(
    new ArgumentError('optim.reduceOnPlateau: expected a factor between 0 and 1, got 1.'),
  );
  expect(() => optim.reduceOnPlateau({ rtol: 0, atol: 0 })).toThrow(ArgumentError);
  const plateau = optim.reduceOnPlateau();
  expect(() => plateau.update(bias, plateau.init(bias), bias)).toThrow(
    'optim.reduceOnPlateau: expected the loss as value in the fourth argument of update, got undefined.',
  );
  expect(() => optim.prodigy(1, { beta: 1 } as never)).toThrow(ArgumentError);
});
