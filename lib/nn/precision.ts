import { dtypeInfo, type DType } from '../base/dtype';
import { to } from '../ops';
import type { Tensor } from '../tensor/tensor';

/** The dtype in which statistics are computed: that of the input, and float32 for integers and half precision. */
export function atLeastFloat32(dtype: DType): DType {
  const { kind, itemBytes } = dtypeInfo(dtype);
  return kind === 'complex' || (kind === 'float' && itemBytes >= 4) ? dtype : 'float32';
}

/** The tensor in a dtype; the same one where it has it already. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : to(x, dtype);
}

/** The product of a weight and an input, in the dtype that holds both, as jnp.matmul has it. */
export function product(weight: Tensor, x: Tensor): Tensor {
  const dtype = promoted(weight.dtype, x.dtype);
  return cast(weight, dtype).matmul(cast(x, dtype));
}

function promoted(a: DType, b: DType): DType {
  if (a === b) return a;
  const [first, second] = [dtypeInfo(a), dtypeInfo(b)];
  const isExact = ({ kind }: typeof first): boolean => kind !== 'float' && kind !== 'complex';
  if (isExact(second)) return a;
  if (isExact(first)) return b;
  const isComplex = first.kind === 'complex' || second.kind === 'complex';
  const wide = [first, second].some(({ kind, itemBytes }) => itemBytes / (kind === 'complex' ? 2 : 1) === 8);
  if (isComplex) return wide ? 'complex128' : 'complex64';
  return wide ? 'float64' : 'float32';
}
