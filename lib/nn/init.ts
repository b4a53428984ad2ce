import { dtypeInfo, type DType } from '../base/dtype';
import { complex } from '../ops';
import * as random from '../random';
import type { Tensor } from '../tensor/tensor';

/**
 * Initial parameters: uniform over [-limit, limit), in both parts for complex dtypes.
 *
 * @returns dtype[...shape].
 * @see equinox.nn._misc.default_init.
 */
export function defaultInit(key: random.Key, shape: readonly number[], dtype: DType, limit: number): Tensor {
  const bounds = { minval: -limit, maxval: limit };
  if (dtypeInfo(dtype).kind !== 'complex') return random.uniform(key, shape, { dtype, ...bounds });
  const part: DType = dtype === 'complex64' ? 'float32' : 'float64';
  const keys = random.split(key);
  const [real, imaginary] = [0, 1].map((i) =>
    random.uniform(keys.select(0, i), shape, { dtype: part, ...bounds }),
  );
  return complex(real!, imaginary!);
}
