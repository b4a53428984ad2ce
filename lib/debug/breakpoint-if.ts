import { DtypeError } from '../base/errors';
import { describeValue } from '../transform/describe';
import { isConcrete } from '../transform/around';
import { callEffect } from '../transform/callback-operator';
import { Tensor } from '../tensor/tensor';

/**
 * Stops an attached debugger (`node --inspect`) where any element of a predicate is true: in the call if that is known,
 * otherwise in each run of the compiled function, or for the whole batch of a mapped one, in its place among the
 * operators.
 *
 * @param pred  bool[...] or a boolean.
 * @throws ERR_DTYPE if it is neither.
 * @see equinox.debug.breakpoint_if. Difference: the debugger is that of Node, which does not know the variables of the
 *   traced function. Look at values with `pureCallback`.
 */
export function breakpointIf(pred: boolean | Tensor): void {
  if (typeof pred === 'boolean') {
    stopIf(pred);
    return;
  }
  if (!(pred instanceof Tensor) || pred.dtype !== 'bool') {
    throw new DtypeError(
      `breakpointIf: expected a boolean or a tensor of bool, got ${describeValue(pred)}. Compare it with something.`,
      { op: 'breakpointIf' },
    );
  }
  if (isConcrete(pred)) stopIf(pred.any().item() === true);
  else {
    callEffect(
      ([given]) => {
        stopIf(given!.any().item() === true);
        return [];
      },
      [pred],
    );
  }
}

function stopIf(isWanted: boolean): void {
  // eslint-disable-next-line no-debugger -- what this function is for
  if (isWanted) debugger;
}
