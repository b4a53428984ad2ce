import { ArgumentError } from '../base/errors';
import { requireOptions } from '../base/options';
import type { Tensor } from '../tensor/tensor';
import { requireNumbers, requireNumber, requireState, type GradientTransformation } from './base';
import { requireValue } from './scale-by-norm';
import { kept, scalarLike } from './scalar';
import { countFor, increment, numberFor, Updates } from './updates';

export interface PlateauOptions {
  /** By what the scale shrinks; 0.1 unless given. */
  readonly factor?: number | undefined;
  /** After how many values without improvement; 10 unless given. */
  readonly patience?: number | undefined;
  /** By what part of the best value one must be better; 1e-4 unless given. */
  readonly rtol?: number | undefined;
  /** By how much one must be better; 0 unless given. */
  readonly atol?: number | undefined;
  /** How many values after that do not count; 0 unless given. */
  readonly cooldown?: number | undefined;
  /** How many steps' values are averaged to one; 1 unless given. */
  readonly accumulationSize?: number | undefined;
  /** The least scale; 0 unless given. */
  readonly minScale?: number | undefined;
}

const own = ['factor', 'patience', 'rtol', 'atol', 'cooldown', 'accumulationSize', 'minScale'];

/**
 * Scales updates down when the loss no longer falls.
 *
 * `update` needs the loss as `{ value }` in its fourth argument. The state is
 * `{ bestValue, plateauCount, scale, cooldownCount, count, avgValue }`.
 *
 * @throws ERR_ARGUMENT unless the factor lies between 0 and 1, the tolerances are not negative, and one is positive; in
 *   `update`, without the value.
 * @see optax.contrib.reduce_on_plateau.
 */
export function reduceOnPlateau(options: PlateauOptions = {}): GradientTransformation {
  const op = 'optim.reduceOnPlateau';
  requireOptions(options, own, op);
  const { factor = 0.1, patience = 10, rtol = 1e-4, atol = 0, cooldown = 0 } = options;
  const { accumulationSize = 1, minScale = 0 } = options;
  requireNumbers({ factor, patience, rtol, atol, cooldown, minScale }, op);
  if (!(factor > 0 && factor < 1)) {
    throw new ArgumentError(`${op}: expected a factor between 0 and 1, got ${factor}.`, { op });
  }
  if (!(rtol >= 0 && rtol <= 1 && atol >= 0 && rtol + atol > 0)) {
    throw new ArgumentError(
      `${op}: expected rtol from 0 to 1 and atol from 0 on, one of them above 0, got ${rtol} and ${atol}.`,
      { op },
    );
  }
  for (const [name, value] of Object.entries({ patience, cooldown })) {
    requireNumber(name, value, op, { atLeast: 0, isInteger: true });
  }
  requireNumber('accumulationSize', accumulationSize, op, { atLeast: 1, isInteger: true });
  const names = ['bestValue', 'plateauCount', 'scale', 'cooldownCount', 'count', 'avgValue'] as const;
  return {
    init(params) {
      const number = (value: number): Tensor => numberFor(params, value);
      return {
        bestValue: number(Infinity),
        plateauCount: countFor(params),
        scale: number(1),
        cooldownCount: countFor(params),
        count: countFor(params),
        avgValue: number(0),
      };
    },
    update(updates, state, _params, extra) {
      const before = requireState(state, names, op) as Readonly<Record<(typeof names)[number], Tensor>>;
      const value = scalarLike(requireValue(extra?.['value'], op), before.avgValue);
      const count = increment(before.count);
      const average = before.avgValue.mul(before.count).add(value).div(count);

      const improves = average.lt(before.bestValue.mul(1 - rtol).sub(atol));
      const waited = increment(before.plateauCount).maskedFill(improves, 0);
      const cools = before.cooldownCount.gt(0);
      const isEnough = waited.eq(patience).logicalAnd(cools.logicalNot());
      const shrunk = before.scale.mul(factor).clampMin(minScale);
      const isDue = count.eq(accumulationSize);
      const due = (next: Tensor, last: Tensor): Tensor => isDue.where(kept(next, last.dtype), last);

      const held = cools.where(before.scale, before.scale.clampMin(minScale));
      const scale = due(isEnough.where(shrunk, held), before.scale);
      const left = before.cooldownCount.sub(1).mul(cools).add(isEnough.mul(cooldown));
      const next = {
        bestValue: due(improves.where(average, before.bestValue), before.bestValue),
        plateauCount: due(waited.maskedFill(isEnough.logicalOr(cools), 0), before.plateauCount),
        scale,
        cooldownCount: due(left, before.cooldownCount),
        count: count.maskedFill(isDue, 0),
        avgValue: average.maskedFill(isDue, 0),
      };
      return [new Updates(updates, op).map((update) => update.mul(kept(scale, update.dtype))), next];
    },
  };
}
