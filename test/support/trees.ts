import * as fc from 'fast-check';

/** Leaves of every type that needs no tensor. */
export const anyLeaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.string(),
  fc.boolean(),
  fc.bigInt(),
  fc.constant(Math.abs),
  fc.constant(new Date(0)),
  fc.constant(Symbol.iterator),
  fc.uint8Array({ maxLength: 3 }),
);

/** Trees of arrays, plain objects, maps and empty nodes over the given leaves. */
export function treesOf(leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.constantFrom(null, undefined),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(fc.string({ maxLength: 4 }), tie('tree'), { maxKeys: 4, noNullPrototype: true }),
      fc
        .array(fc.tuple(fc.string({ maxLength: 3 }), tie('tree')), { maxLength: 3 })
        .map((entries) => new Map(entries)),
    ),
  })).tree;
}

export const anyTree = treesOf(anyLeaf);
