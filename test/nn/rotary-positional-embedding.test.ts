import { nn, ops } from '../../lib';
import { expectClose } from '../support/close';

const x = ops.arange(32, { dtype: 'float32' }).reshape([8, 4]);

// equinox tests/test_nn.py, test_rope_embeddings_values.
test('exact numbers: eight positions', () => {
  expectClose(
    new nn.RotaryPositionalEmbedding(4).forward(x),
    [
      [0, 1, 2, 3],
      [-2.887617, 4.9297514, 6.6076975, 7.0496492],
      [-12.422148, 8.778215, 3.1129112, 11.177788],
      [-13.85559, 12.544218, -12.166454, 15.383192],
      [3.1641474, 16.226604, -23.874424, 19.664621],
      [26.769577, 19.824234, -12.937918, 24.020819],
      [30.30889, 23.335985, 18.258457, 28.450514],
      [1.3996639, 26.760752, 41.01269, 32.952423],
    ],
    { rtol: 2e-6, atol: 2e-6 },
  );
});

test('layers with another theta have tables of their own', () => {
  const [a, b] = [10_000, 100].map((theta) => new nn.RotaryPositionalEmbedding(4, { theta }).forward(x));
  expect(a!.toArray()).not.toEqual(b!.toArray());
});
