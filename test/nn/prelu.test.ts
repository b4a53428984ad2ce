import { nn, tensor } from '../../lib';
import { expectClose } from '../support/close';

const x = tensor([
  [-1, -2, -3],
  [-1, 2, 3],
]);

// equinox tests/test_nn.py, test_prelu.
test('exact numbers: one slope, and one for each channel', () => {
  expectClose(new nn.PReLU(0.1).forward(x), [[-0.1, -0.2, -0.3], [-0.1, 2, 3]]); // prettier-ignore
  const many = new nn.PReLU(tensor([0.2, 0.1, 0.1]));
  expectClose(many.forward(x), [[-0.2, -0.2, -0.3], [-0.2, 2, 3]]); // prettier-ignore
});

test('the slope is 0.25 unless given', () => {
  expect(new nn.PReLU().negativeSlope.item()).toBe(0.25);
});
