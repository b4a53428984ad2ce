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
