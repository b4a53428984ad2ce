import { Tensor } from '../tensor/tensor';
import { flatten, unflatten, type Structure } from '../tree';

/** A tree without its tensors: what they can be put into again. */
export class Layout {
  readonly structure: Structure;
  /** How many tensors the tree had. */
  readonly count: number;
  /** The leaves that are no tensors, with `undefined` where tensors were. */
  private readonly others: readonly unknown[];
  private readonly isTensor: readonly boolean[];

  constructor(structure: Structure, leaves: readonly unknown[]) {
    this.structure = structure;
    this.isTensor = leaves.map((leaf) => leaf instanceof Tensor);
    this.others = leaves.map((leaf) => (leaf instanceof Tensor ? undefined : leaf));
    this.count = this.isTensor.filter(Boolean).length;
  }

  /** The tree with other values in the places of its tensors. */
  rebuild(values: readonly unknown[]): unknown {
    return this.fill(values, (other) => other);
  }

  /** As `rebuild`, with one value for every leaf that was no tensor. */
  rebuildOnly(values: readonly unknown[], other: unknown): unknown {
    return this.fill(values, () => other);
  }

  /** Of a list with something for every leaf, what stands for the tensors. */
  atTensors<T>(perLeaf: readonly T[]): T[] {
    return perLeaf.filter((_one, i) => this.isTensor[i]);
  }

  /** Of a list with something for every leaf, what stands for the others. */
  atOthers<T>(perLeaf: readonly T[]): T[] {
    return perLeaf.filter((_one, i) => !this.isTensor[i]);
  }

  private fill(values: readonly unknown[], otherwise: (other: unknown) => unknown): unknown {
    let next = 0;
    return unflatten(
      this.structure,
      this.others.map((other, i) => (this.isTensor[i] === true ? values[next++] : otherwise(other))),
    );
  }
}

/** A tree's tensors, and the tree without them. */
export function takeApart(tree: unknown): [tensors: Tensor[], layout: Layout] {
  const [leaves, structure] = flatten(tree);
  return [leaves.filter((leaf) => leaf instanceof Tensor), new Layout(structure, leaves)];
}
