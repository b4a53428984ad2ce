import { isArray, ops, tensor, tree, type Tensor } from '../../lib';
import { expectClose, type Tolerance } from './close';
import { readFixture, type Numbers } from './fixture';

/** A layer of Equinox, made from jax.random.PRNGKey(3); see scripts/fixtures/make_fixtures.py. */
export interface LayerCase {
  readonly params: readonly unknown[];
  readonly x: Numbers;
  readonly y: unknown;
  readonly grad?: unknown;
  readonly options?: Readonly<Record<string, unknown>>;
}

const cases = readFixture('nn') as Readonly<Record<string, LayerCase>>;

/** A case of test/fixtures/nn.json. */
export function layerCase(name: string): LayerCase {
  const found = cases[name];
  if (found === undefined) throw new Error(`no fixture ${name}`);
  return found;
}

/** Fails unless a layer has Equinox's parameters, bit for bit, and its result. */
export function expectCase(
  name: string,
  layer: { forward(x: Tensor): Tensor },
  tolerance: Tolerance = { rtol: 2e-6, atol: 1e-6 },
): void {
  const { params, x, y } = layerCase(name);
  const tensors = tree.leaves(layer).filter(isArray);
  expect(tensors.map((one) => asReal(one).toArray())).toEqual(params);
  const { dtype } = tensors[0]!;
  const input = dtype.startsWith('complex')
    ? ops.viewAsComplex(tensor(x as never))
    : tensor(x as never, { dtype });
  const result = layer.forward(input);
  expect(result.dtype).toBe(dtype);
  expectClose(result, y, tolerance);
}

function asReal(x: Tensor): Tensor {
  return x.dtype.startsWith('complex') ? ops.viewAsReal(x) : x;
}
