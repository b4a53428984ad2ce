import { Tensor } from '../tensor/tensor';
import { At } from './at';
import type { IndexSpec } from './index-spec';
import { take } from './take';

declare module '../tensor/tensor' {
  interface Tensor {
    /**
     * Takes a part of the tensor: `x.index(0, '1:-1', null, rows)` is NumPy's `x[0, 1:-1, None, rows]`.
     *
     * @param specs  for each axis in turn a position, a range (`slice(1, 3)`, `'1:3'`, `'::-1'`), `'...'` for as many
     *   whole axes as fit, `null` for a new axis of size 1, a tensor of positions, or a mask (a tensor of booleans,
     *   which covers as many axes as it has). Axes that are not named stay whole. Negative positions count from the end.
     * @returns the part, with the dtype of `x`; it shares memory with `x` where no tensor and no negative step is used.
     * @throws ERR_ARGUMENT for too many indices, a position out of range, or a value that is no index.
     * @throws ERR_SHAPE if a mask's shape differs from that of the axes it covers.
     * @throws ERR_DTYPE if a tensor holds neither integers nor booleans.
     * @throws ERR_CONCRETISATION for a mask inside `jit`: the result's shape would depend on values.
     * @see numpy's indexing, including where gathered axes go. Differs from jax: a position out of range is an error.
     */
    index(...specs: IndexSpec[]): Tensor;
    /**
     * Names a part of the tensor for an update: `x.at(0, '1:3').set(v)` gives a new tensor, `x` stays as it is.
     *
     * @param specs  as for `index`.
     * @returns an `At` with `set`, `add`, `mul`, `min`, `max` and `get`.
     * @throws as `index`, when one of these is called.
     * @see jax.numpy.ndarray.at
     */
    at(...specs: IndexSpec[]): At;
  }
}

Object.defineProperties(Tensor.prototype, {
  index: {
    value: function index(this: Tensor, ...specs: IndexSpec[]): Tensor {
      return take(this, specs, 'index');
    },
    writable: true,
    configurable: true,
  },
  at: {
    value: function at(this: Tensor, ...specs: IndexSpec[]): At {
      return new At(this, specs);
    },
    writable: true,
    configurable: true,
  },
});

export { At } from './at';
export { slice, Slice, type IndexSpec } from './index-spec';
