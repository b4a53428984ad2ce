import type { Tensor } from '../index';

/** A workload that has begun: parameters made, inputs at hand, nothing compiled yet. */
export interface Session {
  /** Does the work once. */
  step(): void | Promise<void>;
  /** The numbers that every framework must get when it does the work for the first time. Called before any `step`. */
  first(): readonly number[];
}

/** One piece of work that every framework does from the same start. */
export interface Workload {
  readonly name: string;
  /** What it is, with its sizes: for the table. */
  readonly title: string;
  /** Numbers that the other frameworks need and cannot read off the tensors. */
  readonly settings: Readonly<Record<string, number>>;
  /** What all frameworks start from: `param.0`, `param.1` ... in the order of the model's leaves, and the inputs. */
  tensors(): Readonly<Record<string, Tensor>>;
  start(): Session;
}
