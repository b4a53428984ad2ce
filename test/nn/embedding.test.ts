import { filterJit, nn, ops, tensor, type Tensor } from '../../lib';
import { expectClose } from '../support/close';

const weight = ops.linspace(0.1, 10, 100).reshape([10, 10]);
const embedding = new nn.Embedding(null, null, { weight });

// equinox tests/test_nn.py, test_embedding.
test('exact numbers: the last row is -1', () => {
  const last = ops.linspace(9.1, 10, 10).toArray();
  expectClose(embedding.forward(-1), last);
  expectClose(embedding.forward(tensor(-1, { dtype: 'int32' })), last);
});

test('an index that is known only inside compiled code is clamped', () => {
  const at = filterJit((i: Tensor) => embedding.forward(i));
  expectClose(at(tensor(70, { dtype: 'int32' })), embedding.forward(9).toArray());
  expectClose(at(tensor(-70, { dtype: 'int32' })), embedding.forward(0).toArray());
});
