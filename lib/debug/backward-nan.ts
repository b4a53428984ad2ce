import { treePformat } from '../module';
import { isInexactArray } from '../filter';
import { callNamed } from '../ops/call';
import { ShapeDtypeStruct } from '../tensor/shape-dtype-struct';
import { Tensor } from '../tensor/tensor';
import { raisesByDefault, where } from '../transform/error-if';
import { keptHostFunction, type HostFunction } from '../transform/host';
import { flatten, unflatten } from '../tree';

export interface BackwardNanOptions {
  /** Stands before what is printed. */
  readonly name?: string | undefined;
  /** Whether a NaN among the gradients is an error. Default true. */
  readonly terminate?: boolean | undefined;
}

/**
 * The identity, which prints `x` and its gradient in the backward pass, and throws where the gradient has a NaN: for
 * finding out where one comes from.
 *
 * @param x  a tree; its floating-point and complex tensors count.
 * @returns x.
 * @throws ERR_RUNTIME in the backward pass, from a compiled function when it runs, if the gradient has a NaN; not with
 *   `terminate: false`, and not where EQUINODE_ON_ERROR is `off` or `nan`.
 * @example
 * grad((x: Tensor) => debug.backwardNan(x.sqrt(), { name: 'root' }).sum())(tensor([0]));
 * @see equinox.debug.backward_nan.
 */
export function backwardNan<T>(x: T, { name, terminate = true }: BackwardNanOptions = {}): T {
  const [leaves, structure] = flatten(x);
  const tensors = leaves.filter(isInexactArray);
  if (tensors.length === 0) return x;
  const isShown = leaves.map(isInexactArray);
  // Kept with the function, so without tensors.
  const looks = leaves.map((leaf) =>
    leaf instanceof Tensor ? new ShapeDtypeStruct(leaf.shape, leaf.dtype) : leaf,
  );

  const show: HostFunction = (inputs) => {
    const tree = (from: number): string => {
      let next = from;
      const values = looks.map((leaf, i) => (isShown[i] === true ? inputs[next++] : leaf));
      return treePformat(unflatten(structure, values), { shortArrays: false });
    };
    const title = name === undefined ? '' : `${name}:\n`;
    console.log(`${title}   primals=${tree(0)}\ncotangents=${tree(tensors.length)}`);
    return [];
  };
  const id = keptHostFunction(`backwardNan ${name ?? ''} ${treePformat(x)}`, () => show);
  const stops = terminate && raisesByDefault('backwardNan');
  const shown = callNamed('equinode::tap', tensors, id, stops, where()) as readonly Tensor[];
  let next = 0;
  return unflatten(
    structure,
    leaves.map((leaf, i) => (isShown[i] === true ? shown[next++] : leaf)),
  ) as T;
}
