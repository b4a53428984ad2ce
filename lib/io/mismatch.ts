import { FormatError } from '../base/errors';
import { atPath, type Path } from '../tree';

/** A file holds another leaf than the model. Who knows the leaf's path tells it again with `describeMismatch`. */
export class MismatchError extends FormatError {
  /**
   * @param found  what is in the file: `float32[512,64]`.
   * @param wanted  what is in the model.
   */
  constructor(found: string, wanted: string) {
    super(`${found} in the file, ${wanted} in the model`);
  }
}

/** `.layers[2].weight: float32[512,64] in the file, float32[512,32] in the model`. */
export function describeMismatch(path: Path, { message }: MismatchError): string {
  return path.length === 0 ? message : `${atPath(path).slice(' at '.length)}: ${message}`;
}
