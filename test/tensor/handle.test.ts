import { DisposedError } from '../../lib/base/errors';
import { tensor } from '../../lib/tensor/create';
import { disposedError, handleOf } from '../../lib/tensor/handle';
import { thrown } from '../support/thrown';

test('a live tensor has a handle, and no two share one', () => {
  const x = tensor([1]);
  const y = tensor([1]);
  expect(handleOf(x, 'use')).toBeGreaterThan(0);
  expect(handleOf(x, 'use')).not.toBe(handleOf(y, 'use'));
});

test('a tensor that is gone is an error of the function that wants it, with the reason', () => {
  const x = tensor([1]);
  x.dispose();
  const error = thrown(() => handleOf(x, 'use'));
  expect(error).toBeInstanceOf(DisposedError);
  expect(error.op).toBe('use');
  x._gone = 'its scope has ended';
  expect(disposedError(x, 'use').message).toBe(
    'use: expected a live tensor, got one that is gone: its scope has ended.',
  );
});
