import type { Tensor } from '../tensor/tensor';
import type { Schedule } from './base';

/**
 * The same value in every step.
 *
 * @see optax.constant_schedule.
 */
export function constantSchedule(value: number | Tensor): Schedule {
  return () => value;
}
