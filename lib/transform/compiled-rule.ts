import { filterJit, type Jitted } from './jit';
import type { Forward, Rule } from './rule';

type Backward = Forward['backward'];

/** A rule whose parts are compiled when they first run, so that a program that calls it never runs JavaScript twice. */
export function compiledRule(rule: Rule): Rule {
  const { name, forward, jvp } = rule;
  const backwards = new WeakMap<Backward, Jitted<Parameters<Backward>, ReturnType<Backward>>>();
  const compiledForward =
    forward === undefined
      ? undefined
      : filterJit((...args: Parameters<typeof forward>) => {
          const { outputs, residuals, backward } = forward(...args);
          return [outputs, residuals, backward] as const;
        });
  return {
    name,
    primal: filterJit(rule.primal),
    forward:
      compiledForward &&
      ((watched, inputs) => {
        const [outputs, residuals, backward] = compiledForward(watched, inputs);
        const compiled = backwards.get(backward) ?? filterJit(backward);
        backwards.set(backward, compiled);
        return { outputs, residuals, backward: (kept, cotangents) => compiled(kept, cotangents) };
      }),
    jvp:
      jvp &&
      filterJit((...args: Parameters<typeof jvp>) => {
        const { outputs, tangents } = jvp(...args);
        return { outputs, tangents };
      }),
  };
}
