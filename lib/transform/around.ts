import { native } from '../native';
import { handleOf, type Tensor } from '../tensor/tensor';

/** Whether a compiled function is being traced. */
export function isTracing(): boolean {
  return native().tracing();
}

/** The transforms that a tensor belongs to, the outermost first; `jit` stands for the trace in progress. */
export function transformsAround(x: Tensor): readonly string[] {
  const names = native().layers(handleOf(x, 'debug'));
  const inside = names === '' || names === 'jit' ? [] : names.split(', ').reverse();
  return isTracing() ? ['jit', ...inside] : inside;
}

/** Whether a tensor has values that can be read: no transform stands around it, and no trace. */
export function isConcrete(x: Tensor): boolean {
  return native().layers(handleOf(x, 'debug')) === '';
}
