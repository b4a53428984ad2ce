import { ArgumentError } from '../base/errors';

export interface FieldOptions<In = never> {
  /** Whether the value belongs to the structure of the tree instead of being one of its children. */
  readonly static?: boolean;
  /** Applied once to the value, when construction ends; never when a tree is rebuilt. */
  readonly converter?: (value: In) => unknown;
}

/** What a class says about one of its fields; made by `field`. */
export class Field {
  readonly static: boolean;
  readonly converter: ((value: unknown) => unknown) | undefined;

  /** @internal */
  constructor(isStatic: boolean, converter: ((value: unknown) => unknown) | undefined) {
    this.static = isStatic;
    this.converter = converter;
  }
}

/**
 * Says that a field of a module is static, or how its value is converted.
 *
 * Static fields are part of the structure: they are no leaves, and a compiled function is traced again when one
 * changes. Use them for sizes, flags and names, never for tensors.
 *
 * @throws ERR_ARGUMENT for an unknown option, or one of the wrong type.
 * @example
 * class Linear extends Module {
 *   static fields = { inFeatures: field({ static: true }) };
 *   readonly weight: Tensor;
 *   readonly inFeatures: number;
 * }
 * @see equinox.field.
 */
export function field<In = never>(options: FieldOptions<In> = {}): Field {
  for (const name of Object.keys(options)) {
    if (name !== 'static' && name !== 'converter') {
      throw new ArgumentError(
        `field: expected the options static and converter, got ${JSON.stringify(name)}.`,
        {
          op: 'field',
        },
      );
    }
  }
  const { static: isStatic = false, converter } = options as {
    readonly static?: unknown;
    readonly converter?: unknown;
  };
  if (typeof isStatic !== 'boolean') {
    throw new ArgumentError(`field: expected static to be a boolean, got ${typeof isStatic}.`, {
      op: 'field',
    });
  }
  if (converter !== undefined && typeof converter !== 'function') {
    throw new ArgumentError(`field: expected converter to be a function, got ${typeof converter}.`, {
      op: 'field',
    });
  }
  return new Field(isStatic, converter as ((value: unknown) => unknown) | undefined);
}
