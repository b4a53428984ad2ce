import { TransformError } from '../base/errors';
import { native, type Handle, type Layer } from '../native';
import * as ops from '../ops';
import { adopt, closeScope, openScope, retaining } from '../tensor/lifetime';
import { handleOf, type Tensor } from '../tensor/tensor';
import { BatchedRule } from './batched-rule';
import { hangOn } from './callback-operator';
import { compiledRule } from './compiled-rule';
import { withLevel } from './levels';
import { nested } from './nesting';
import { keepWithProgram } from './program';
import type { Forward, Maybe, Rule } from './rule';

/**
 * Calls a function with a derivative of its own, under whatever layers there are: see NOTE [custom rules] in
 * native/transform/rule_node.h.
 */
export function applyRule(rule: Rule, inputs: readonly Tensor[]): readonly Tensor[] {
  return nested(rule.name, 0, () => applyAtTop(rule, inputs));
}

function applyAtTop(rule: Rule, inputs: readonly Tensor[]): readonly Tensor[] {
  const layer = native().topLayer();
  if (layer === null) return applyAtBase(rule, inputs);
  switch (layer.kind) {
    case 'vmap':
      return applyUnderVmap(rule, inputs, layer);
    case 'grad':
      return applyUnderGrad(rule, inputs, layer.level);
    case 'jvp':
      return applyUnderJvp(rule, inputs, layer.level);
  }
}

function handlesOf(rule: Rule, tensors: readonly Maybe[]): Handle[] {
  return tensors.map((tensor) => (tensor === null ? 0 : handleOf(tensor, rule.name)));
}

function adoptMaybe(handle: number): Maybe {
  return handle === 0 ? null : adopt(handle);
}

/** Runs with the innermost layer put aside. */
function below<T>(body: () => T): T {
  const mark = native().lower();
  try {
    return body();
  } finally {
    native().raise(mark);
  }
}

interface Captured {
  readonly handles: readonly Handle[];
  readonly tensors: readonly Tensor[];
  readonly foundTraced: boolean;
}

/** Runs at the level below `level`; see NOTE [captured variables of a rule] in native/napi/env.h. */
function capturing<T>(level: number, refusal: string, body: () => T): [T, Captured] {
  const mark = native().beginCapture('below', level, refusal, [], []);
  let done = false;
  try {
    const [result] = retaining(() => below(body));
    done = true;
    const { handles, tensors, foundTraced } = native().endCapture(mark);
    return [result, { handles, tensors: tensors.map(adopt), foundTraced }];
  } finally {
    if (!done) native().endCapture(mark);
  }
}

function isComputedAgain(rule: Rule): boolean {
  return rule.forward === undefined && rule.jvp === undefined;
}

function refusalOf(rule: Rule): string {
  return (
    `${rule.name}: expected a function whose derivative is asked for by its arguments alone, got one that captures a ` +
    'differentiated tensor. Pass it as an argument.'
  );
}

function applyUnderVmap(rule: Rule, inputs: readonly Tensor[], layer: Layer): readonly Tensor[] {
  const { level, size } = layer;
  const axes = inputs.map((input) => native().isBatched(handleOf(input, rule.name), level));
  const values = inputs.map((input, i) =>
    axes[i] === true ? adopt(native().unbatch(handleOf(input, rule.name), level, 0, size)) : input,
  );
  const batched = new BatchedRule(rule, layer, axes);
  const outputs = below(() => applyRule(batched.rule, values));
  return outputs.map((output, i) =>
    batched.mapped?.[i] === true ? adopt(native().batch(handleOf(output, rule.name), 0, level)) : output,
  );
}

function unwrapAll(rule: Rule, tensors: readonly Tensor[], level: number): Tensor[] {
  return tensors.map((tensor) => {
    const handle = native().unwrapGrad(handleOf(tensor, rule.name), level);
    return handle === 0 ? tensor : adopt(handle);
  });
}

function applyUnderGrad(rule: Rule, inputs: readonly Tensor[], level: number): readonly Tensor[] {
  const watched = inputs.map((input) => native().isWatched(handleOf(input, rule.name), level));
  const values = unwrapAll(rule, inputs, level);
  if (isComputedAgain(rule)) {
    const [outputs, captured] = capturing(level, '', () => applyRule(rule, values));
    if (!watched.includes(true) && captured.tensors.length === 0) return outputs;
    const backward: Attached['backward'] = (kept, cotangents, hasEnded) =>
      computeAgain(
        rule,
        { watched, handles: captured.handles, level: hasEnded ? noLevel : level },
        kept,
        cotangents,
      );
    const residuals = [...values, ...unwrapAll(rule, captured.tensors, level)];
    return attach(rule, { outputs, residuals, backward }, [...inputs, ...captured.tensors], level);
  }
  const refusal = refusalOf(rule);
  if (!watched.includes(true)) return capturing(level, refusal, () => applyRule(rule, values))[0];
  const [forward] = capturing(level, refusal, () => forwardOf(rule, watched, values));
  return attach(rule, forward, inputs, level);
}

/** The forward part of a rule, or what it is for a forward-mode rule: that one's linear part is transposed. */
function forwardOf(rule: Rule, watched: readonly boolean[], values: readonly Tensor[]): Forward {
  return rule.forward === undefined ? linearise(rule, watched, values) : rule.forward(watched, values);
}

function linearise(rule: Rule, watched: readonly boolean[], values: readonly Tensor[]): Forward {
  const { jvp, name } = rule;
  if (jvp === undefined) throw new TransformError(`${name}: expected a rule, got none.`, { op: name });
  // What is made inside the level belongs to it already.
  const zeros = values.map((value, i) => (watched[i] === true ? ops.zerosLike(value) : null));
  return withLevel(
    name,
    () => native().pushGrad(),
    (level) => {
      const tangents = zeros.map((zero) =>
        zero === null ? null : adopt(native().wrapGrad(handleOf(zero, name), level)),
      );
      const pushed = jvp(values, tangents);
      const outputs = unwrapAll(rule, pushed.outputs, level);
      const images = pushed.tangents.filter((tangent) => tangent !== null);
      const sources = tangents.filter((tangent) => tangent !== null);
      const places = pushed.tangents.map((tangent) => tangent !== null);
      const backward = (residuals: readonly Tensor[], cotangents: readonly Maybe[]): readonly Maybe[] => {
        const gradients = native().pullBack(
          handlesOf(rule, residuals.slice(0, images.length)),
          handlesOf(
            rule,
            cotangents.filter((_cotangent, i) => places[i] === true),
          ),
          handlesOf(rule, residuals.slice(images.length)),
          level,
          true,
        );
        let next = 0;
        return watched.map((isWatched) => (isWatched ? adoptMaybe(gradients[next++] ?? 0) : null));
      };
      const residuals = [...images, ...sources];
      return [{ outputs, residuals, backward }, new Set([...outputs, ...residuals])];
    },
  );
}

/** Where a backward part computes again: in the level that it is for, or after that has ended. */
interface Attached extends Omit<Forward, 'backward'> {
  readonly backward: (
    residuals: readonly Tensor[],
    cotangents: readonly Maybe[],
    hasEnded: boolean,
  ) => readonly Maybe[];
}

/** Gives results their node in autograd's graph. */
function attach(rule: Rule, forward: Attached, inputs: readonly Tensor[], level: number): Tensor[] {
  const { outputs, residuals, backward } = forward;
  return native()
    .attachRule(
      handlesOf(rule, outputs),
      handlesOf(rule, inputs),
      handlesOf(rule, residuals),
      level,
      isComputedAgain(rule) ? null : refusalOf(rule),
      (cotangents, kept, hasEnded) => {
        giveBack(rule, () => backward(kept.map(adopt), cotangents.map(adoptMaybe), hasEnded));
      },
    )
    .map(adopt);
}

/** Passes results to the native code that called, and releases everything else that was made. */
function giveBack(rule: Rule, body: () => readonly Maybe[]): void {
  const scope = openScope(
    `it was made inside a rule of \`${rule.name}\`, which has ended; return it from there`,
  );
  try {
    native().give(handlesOf(rule, body()));
  } finally {
    closeScope(scope, new Set());
  }
}

/** Stands for a level that has ended, whose number another may have now. */
const noLevel = 2 ** 31;

/** The backward pass of a function whose values were not kept. */
function computeAgain(
  rule: Rule,
  { watched, handles, level }: { watched: readonly boolean[]; handles: readonly Handle[]; level: number },
  residuals: readonly Tensor[],
  cotangents: readonly Maybe[],
): readonly Maybe[] {
  const fresh = afterAll(residuals, cotangents);
  return withLevel(
    rule.name,
    () => native().pushGrad(),
    (inner) => {
      const isSource = [...watched, ...handles.map(() => true)];
      const wrapped = fresh.map((value, i) =>
        isSource[i] === true ? adopt(native().wrapGrad(handleOf(value, rule.name), inner)) : value,
      );
      const inside = handlesOf(rule, wrapped);
      // The arguments are older than the capture, and stand for themselves.
      const replaced = [...inside, ...handles];
      const standIns = [...inside, ...inside.slice(watched.length)];
      const mark = native().beginCapture('in place', level, '', replaced, standIns);
      try {
        const outputs = rule.primal(wrapped.slice(0, watched.length));
        const sources = wrapped.filter((_value, i) => isSource[i] === true);
        const gradients = native()
          .pullBack(
            handlesOf(rule, outputs),
            handlesOf(rule, cotangents),
            handlesOf(rule, sources),
            inner,
            false,
          )
          .map(adoptMaybe);
        let next = 0;
        const all = isSource.map((given) => (given ? (gradients[next++] ?? null) : null));
        return [all, new Set(all.filter((one) => one !== null))];
      } finally {
        native().endCapture(mark);
      }
    },
  );
}

function applyUnderJvp(rule: Rule, inputs: readonly Tensor[], level: number): readonly Tensor[] {
  const { name, jvp } = rule;
  const pairs = inputs.map((input) => native().unpackDual(handleOf(input, name), level).map(adoptMaybe));
  const primals = pairs.map(([primal], i) => primal ?? inputs[i]!);
  const tangents = pairs.map(([, tangent]) => tangent ?? null);
  const hasTangent = tangents.some((tangent) => tangent !== null);
  if (isComputedAgain(rule)) return pushThrough(rule, primals, tangents, level);
  if (hasTangent && jvp === undefined) {
    throw new TransformError(
      `${name}: expected a derivative in reverse mode (grad, vjp, jacrev), got one in forward mode, for which the function has no rule. Use customJvp for both.`,
      { op: name },
    );
  }
  if (!hasTangent || jvp === undefined)
    return capturing(level, refusalOf(rule), () => applyRule(rule, primals))[0];
  const [pushed] = capturing(level, refusalOf(rule), () => jvp(primals, tangents));
  return pushed.outputs.map((output, i) => dual(rule, output, pushed.tangents[i] ?? null, level));
}

function dual(rule: Rule, primal: Tensor, tangent: Maybe, level: number): Tensor {
  const [value, direction] = handlesOf(rule, [primal, tangent]);
  return adopt(native().makeDual(value ?? 0, direction ?? 0, level));
}

/** A function without a rule: its derivative is a function of primals and tangents, which is computed again too. */
function pushThrough(
  rule: Rule,
  primals: readonly Tensor[],
  tangents: readonly Maybe[],
  level: number,
): readonly Tensor[] {
  const places = tangents.map((tangent) => tangent !== null);
  let outputPlaces: readonly boolean[] = [];
  const pushed: Rule = {
    name: rule.name,
    primal: (inputs) =>
      withLevel(
        rule.name,
        () => native().pushJvp(),
        (inner) => {
          let next = primals.length;
          const inside = places.map((hasTangent, i) =>
            hasTangent ? dual(rule, inputs[i]!, inputs[next++]!, inner) : inputs[i]!,
          );
          const pairs = rule
            .primal(inside)
            .map((output) => native().unpackDual(handleOf(output, rule.name), inner).map(adoptMaybe));
          outputPlaces = pairs.map(([, tangent]) => tangent !== null);
          const outputs = pairs.map(([primal]) => primal!);
          const directions = pairs.map(([, tangent]) => tangent ?? null).filter((one) => one !== null);
          return [[...outputs, ...directions], new Set([...outputs, ...directions])];
        },
      ),
  };
  const given = tangents.filter((tangent) => tangent !== null);
  const results = below(() => applyRule(pushed, [...primals, ...given]));
  let next = outputPlaces.length;
  return outputPlaces.map((hasTangent, i) =>
    dual(rule, results[i]!, hasTangent ? (results[next++] ?? null) : null, level),
  );
}

function applyAtBase(rule: Rule, inputs: readonly Tensor[]): readonly Tensor[] {
  if (native().recording()) return record(rule, inputs);
  const watched = inputs.map((input) => native().isWatched(handleOf(input, rule.name), 0));
  if (isComputedAgain(rule) || !watched.includes(true)) return rule.primal(inputs);
  const gradMode = native().setGradMode(false);
  let forward: Forward;
  try {
    forward = forwardOf(rule, watched, inputs);
  } finally {
    native().setGradMode(gradMode);
  }
  return attach(rule, forward, inputs, 0);
}

const recorded = new Map<number, WeakRef<Rule>>();
const ended = new FinalizationRegistry<number>((id) => recorded.delete(id));
let lastId = 0;

/** See NOTE [custom calls in a program] in native/trace/custom_calls.h. */
function record(rule: Rule, inputs: readonly Tensor[]): readonly Tensor[] {
  const handles = handlesOf(rule, inputs);
  const mark = native().beginCapture('replace', 0, '', handles, handles);
  let outputs: readonly Tensor[];
  let foundTraced = true;
  try {
    outputs = rule.primal(inputs);
  } finally {
    foundTraced = native().endCapture(mark).foundTraced;
  }
  // What is traced has no value later, when the rule would run: then the plain operators stay.
  if (foundTraced && isComputedAgain(rule)) return outputs;
  if (lastId === 0) {
    native().setCustomCalls((id, given) => {
      const known = recorded.get(id)?.deref();
      if (known === undefined)
        throw new TransformError(`jit: expected a program that is alive, got call ${id}.`);
      giveBack(known, () => applyRule(known, given.map(adopt)));
    });
  }
  const id = ++lastId;
  const compiled = compiledRule(rule);
  recorded.set(id, new WeakRef(compiled));
  ended.register(compiled, id);
  keepWithProgram(compiled);
  return native().recordCall(handles, handlesOf(rule, outputs), id).map(adopt);
}

/**
 * The tensors as they are, but not the same to a compiler, and later than `others`: else it would take what is computed
 * again for what was computed before, and keep that.
 */
function afterAll(tensors: readonly Tensor[], others: readonly Maybe[]): readonly Tensor[] {
  const last = others.find((one) => one !== null);
  if (last === undefined || !native().recording()) return tensors;
  return tensors.map(hangOn(last));
}
