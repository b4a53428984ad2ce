import type { DType } from '../base/dtype';
import { ArgumentError, ShapeError } from '../base/errors';
import { requireOptions } from '../base/options';
import { linalgSvdvals } from '../ops';
import { tensor } from '../tensor/create';
import { Tensor } from '../tensor/tensor';
import { map } from '../tree';
import { addDecayedWeights } from './add-decayed-weights';
import { adamw } from './alias';
import {
  requireDtypes,
  requireFlags,
  requireNumber,
  requireNumbers,
  requireScalarOrSchedule,
  requireState,
  stateless,
  type GradientTransformation,
  type ScalarOrSchedule,
} from './base';
import { chain } from './chain';
import type { Mask } from './masked';
import { partition } from './partition';
import { average, BiasCorrection, kept, type Scalar } from './scalar';
import { scaleByLearningRate } from './scale';
import { countFor, deviceOf, increment, Updates, zerosFor } from './updates';

/** Three coefficients of the iteration, or three for each of its last steps. */
export type Coefficients = readonly [number, number, number] | readonly (readonly [number, number, number])[];

const presets: Readonly<Record<string, Coefficients>> = {
  standard: [3.4445, -4.775, 2.0315],
  dion: [
    [4.0848, -6.8946, 2.927],
    [3.9505, -6.3029, 2.6377],
    [3.7418, -5.5913, 2.3037],
    [2.8769, -3.1427, 1.2046],
    [2.8366, -3.0525, 1.2012],
  ],
};

export interface ScaleByMuonOptions {
  /** The coefficients of the iteration of Newton and Schulz; (3.4445, -4.775, 2.0315) unless given. */
  readonly nsCoeffs?: Coefficients | undefined;
  /** How many iterations; 5 unless given. */
  readonly nsSteps?: number | undefined;
  /** The decay of the mean of gradients; 0.95 unless given. */
  readonly beta?: Scalar | undefined;
  /** The least norm to divide by; 1e-8 unless given. */
  readonly eps?: number | undefined;
  /** The dtype in which the mean is kept; that of the parameters unless given. */
  readonly muDtype?: DType | undefined;
  /** Whether to look one step ahead, as Nesterov does; true unless given. */
  readonly nesterov?: boolean | undefined;
  /** Whether to scale by the product of the mean with its orthogonal part; false unless given. */
  readonly adaptive?: boolean | undefined;
  /** How matrices are made small enough for the iteration; 'frobenius' unless given. */
  readonly preconditioning?: 'frobenius' | 'spectral' | 'aol' | 'schatten' | undefined;
}

const muonOptions = [
  'nsCoeffs',
  'nsSteps',
  'beta',
  'eps',
  'muDtype',
  'nesterov',
  'adaptive',
  'preconditioning',
];

/**
 * Replaces matrices of a mean of gradients by nearly orthogonal ones.
 *
 * The state is `{ count, mu, nsCoeffs }`.
 *
 * @throws ERR_ARGUMENT for coefficients that are no triples, or fewer than steps, or another preconditioning; ERR_SHAPE,
 *   in `update`, for an update that is no matrix.
 * @see optax.contrib.scale_by_muon; Jordan 2024, kellerjordan.github.io/posts/muon.
 */
export function scaleByMuon(options: ScaleByMuonOptions = {}): GradientTransformation {
  const op = 'optim.scaleByMuon';
  requireOptions(options, muonOptions, op);
  const { nsCoeffs = presets['standard']!, nsSteps = 5, beta = 0.95, eps = 1e-8, muDtype } = options;
  const { nesterov = true, adaptive = false, preconditioning = 'frobenius' } = options;
  requireNumber('nsSteps', nsSteps, op, { atLeast: 1, isInteger: true });
  requireNumbers({ beta, eps }, op);
  requireFlags({ nesterov, adaptive }, op);
  requireDtypes({ muDtype }, op);
  const coefficients = coefficientsOf(nsCoeffs, nsSteps, op);
  if (!['frobenius', 'spectral', 'aol', 'schatten'].includes(preconditioning)) {
    throw new ArgumentError(
      `${op}: expected the preconditioning 'frobenius', 'spectral', 'aol' or 'schatten', got ${JSON.stringify(preconditioning)}.`,
      { op },
    );
  }
  return {
    init: (params) => ({
      count: countFor(params),
      mu: zerosFor(params, muDtype),
      nsCoeffs: tensor(coefficients as number[][], { device: deviceOf(params) }),
    }),
    update(updates, state) {
      const { count: before, mu, nsCoeffs: given } = requireState(state, ['count', 'mu', 'nsCoeffs'], op);
      const count = increment(before as Tensor);
      const first = new BiasCorrection(beta, count);
      const ahead = nesterov ? new BiasCorrection(beta, increment(count)) : first;
      const step = (update: Tensor, m: Tensor): readonly Tensor[] => {
        if (update.ndim !== 2) {
          throw new ShapeError(
            `${op}: expected matrices, got an update of the shape [${update.shape.join()}].`,
            { op },
          );
        }
        const next = average(m, update, beta);
        const corrected = ahead.correct(next);
        const mean = nesterov ? average(corrected, first.correct(update), beta) : corrected;
        const direction = orthogonalised(mean, given as Tensor, nsSteps, preconditioning, eps);
        const changed = adaptive ? direction.mul(mean.mul(direction).sum()) : direction;
        return [changed, kept(next, m.dtype)];
      };
      const [changed, next = mu] = new Updates(updates, op).mapToSeveral(step, { mu });
      return [changed as typeof updates, { count, mu: next, nsCoeffs: given }];
    },
  };
}

function coefficientsOf(coefficients: Coefficients, steps: number, op: string): readonly unknown[] {
  const isTriple = (value: unknown): boolean => Array.isArray(value) && value.length === 3;
  const isList = Array.isArray(coefficients[0]);
  if (isList ? !coefficients.every(isTriple) : !isTriple(coefficients)) {
    throw new ArgumentError(`${op}: expected three coefficients, or a list of triples.`, { op });
  }
  if (!isList) return coefficients;
  if (coefficients.length > steps) {
    throw new ArgumentError(
      `${op}: expected at most ${steps} triples of coefficients, got ${coefficients.length}.`,
      {
        op,
      },
    );
  }
  return coefficients.slice(-steps);
}

/** The iteration of Newton and Schulz, which moves all singular values towards 1. */
function orthogonalised(
  x: Tensor,
  coefficients: Tensor,
  steps: number,
  preconditioning: string,
  eps: number,
): Tensor {
  const isTall = x.shape[0]! > x.shape[1]!;
  let y = isTall ? x.t() : x;
  if (preconditioning === 'frobenius') y = y.div(y.square().sum().sqrt().add(eps));
  if (preconditioning === 'spectral') y = y.div(linalgSvdvals(y).amax([0]).add(eps));
  const triples =
    coefficients.ndim === 1
      ? Array.from({ length: steps }, () => coefficients)
      : Array.from({ length: coefficients.shape[0]! }, (_, i) => coefficients.select(0, i));
  triples.forEach((triple, i) => {
    const [a, b, c] = [0, 1, 2].map((j) => kept(triple.select(0, j), x.dtype)) as [Tensor, Tensor, Tensor];
    let product = y.matmul(y.t());
    if (i === 0 && preconditioning === 'aol') {
      const shrink = product.abs().sum(-1).clampMin(eps).rsqrt().unsqueeze(-1);
      y = y.mul(shrink);
      product = product.mul(shrink).mul(shrink.t());
    }
    if (i === 0 && preconditioning === 'schatten') {
      const shrink = product.square().sum().sqrt().clampMin(eps).rsqrt();
      y = y.mul(shrink);
      product = product.mul(shrink.square());
    }
    const polynomial = product.mul(b).add(product.mul(c).matmul(product));
    y = y.mul(a).add(polynomial.matmul(y));
  });
  return isTall ? y.t() : y;
}

export interface MuonOptions extends Omit<ScaleByMuonOptions, 'nsCoeffs'> {
  /** As for `scaleByMuon`, or the name of a set: 'standard' (the default) or 'dion'. */
  readonly nsCoeffs?: Coefficients | 'standard' | 'dion' | undefined;
  /** How much of the matrices is taken off, times the learning rate; 0 unless given. */
  readonly weightDecay?: ScalarOrSchedule | undefined;
  /** Which matrices decay; all unless given. */
  readonly weightDecayMask?: Mask;
  /** The first decay of Adam; 0.9 unless given. */
  readonly adamB1?: Scalar | undefined;
  /** The second decay of Adam; 0.999 unless given. */
  readonly adamB2?: Scalar | undefined;
  /** What Adam adds inside of the square root; 0 unless given. */
  readonly adamEpsRoot?: Scalar | undefined;
  /** The weight decay of what is no matrix; 0 unless given. */
  readonly adamWeightDecay?: ScalarOrSchedule | undefined;
  /** The learning rate of what is no matrix; the same unless given. */
  readonly adamLearningRate?: ScalarOrSchedule | undefined;
  /** The root mean square that an update gets, instead of one for models of any width; not used unless given. */
  readonly consistentRms?: number | null | undefined;
}

/**
 * Muon for matrices, and AdamW for the rest; `update` needs the parameters.
 *
 * Matrices count as [in, out] as in Optax; in a square or a tall one, so do the weights [out, in] of Equinox's layers,
 * up to the factor sqrt(max(1, out / in)): there, give `consistentRms`.
 *
 * @throws ERR_ARGUMENT as `scaleByMuon`, and, in `update`, if it gets no parameters.
 * @see optax.contrib.muon; Jordan 2024, kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv:2502.16982.
 */
export function muon(learningRate: ScalarOrSchedule, options: MuonOptions = {}): GradientTransformation {
  const op = 'optim.muon';
  const adamNames = ['adamB1', 'adamB2', 'adamEpsRoot', 'adamWeightDecay', 'adamLearningRate'];
  requireOptions(
    options,
    [...muonOptions, 'weightDecay', 'weightDecayMask', ...adamNames, 'consistentRms'],
    op,
  );
  requireScalarOrSchedule('learningRate', learningRate, op);
  const { nsCoeffs = 'standard', weightDecay = 0, weightDecayMask, consistentRms } = options;
  const { nsSteps, beta, eps = 1e-8, muDtype, nesterov = true, adaptive, preconditioning } = options;
  const coefficients = typeof nsCoeffs === 'string' ? presets[nsCoeffs] : nsCoeffs;
  if (coefficients === undefined) {
    throw new ArgumentError(
      `${op}: expected the coefficients 'standard' or 'dion', got ${JSON.stringify(nsCoeffs)}.`,
      {
        op,
      },
    );
  }
  const byShape = stateless((updates) =>
    new Updates(updates, op).map((update) => {
      const [rows, columns] = update.shape as [number, number];
      const width = Math.sqrt(Math.max(1, columns / rows));
      const rms = consistentRms ?? undefined;
      return update.mul(rms === undefined ? width : Math.sqrt(Math.max(rows, columns)) * rms);
    }),
  );
  const matrices = chain(
    scaleByMuon({ nsCoeffs: coefficients, nsSteps, beta, eps, muDtype, nesterov, adaptive, preconditioning }),
    byShape,
    addDecayedWeights(weightDecay, { mask: weightDecayMask }),
    scaleByLearningRate(learningRate),
  );
  const rest = adamw(options.adamLearningRate ?? learningRate, {
    b1: options.adamB1,
    b2: options.adamB2,
    eps,
    epsRoot: options.adamEpsRoot,
    weightDecay: options.adamWeightDecay ?? 0,
    muDtype,
    nesterov,
  });
  const labels = (t: unknown): unknown =>
    map(
      (leaf: unknown): unknown =>
        leaf instanceof Tensor && !leaf.isDisposed && leaf.ndim === 2 ? 'muon' : 'adam',
      t,
    );
  return partition({ muon: matrices, adam: rest }, labels);
}
