import { ArgumentError, DisposedError, EquinodeError, errorOf, FormatError } from '../base/errors';
import { requireOptions } from '../base/options';
import { to } from '../ops';
import { Tensor } from '../tensor/tensor';
import { atPath, flattenWithPath, keystr, unflatten, type Path, type PathKey } from '../tree';
import { describeMismatch, MismatchError } from './mismatch';
import { describeArray, sameShape } from './tensor-data';

/** Tensors by their names, as in a file: `layers.0.weight`. */
export type StateDict = Record<string, Tensor>;

export interface FromStateDictOptions {
  /**
   * The names in the state dict for those of the model: an object with the ones that differ, or a function of each.
   * Unless given, both are the same.
   */
  readonly names?: Readonly<Record<string, string>> | ((name: string) => string) | undefined;
  /** Makes a tensor of the state dict fit: transposes it, or converts its dtype. */
  readonly convert?: ((value: Tensor, like: Tensor, name: string) => Tensor) | undefined;
  /** Whether both must have the same names. True unless given; if false, what is in one only is left as it is. */
  readonly strict?: boolean | undefined;
}

/**
 * The tensors of a tree by name: the steps of their paths with dots between them, as PyTorch names parameters.
 *
 * @param tree  a tree; leaves that are no tensors are left out.
 * @returns an object of the same tensors, in the tree's order.
 * @throws ERR_ARGUMENT if two tensors would have one name.
 * @example
 * io.stateDict(new nn.MLP(2, 1, 8, 1, { key })); // {'layers.0.weight': ..., 'layers.0.bias': ..., ...}
 * @see torch.nn.Module.state_dict.
 */
export function stateDict(tree: unknown): StateDict {
  return Object.fromEntries(namedTensors(tree, 'stateDict').map(({ name, tensor }) => [name, tensor]));
}

/**
 * A copy of a model with the tensors of a state dict: of a safetensors file, or of one of PyTorch.
 *
 * Shapes may differ by axes of length 1, as the bias of a convolution does ([out] in PyTorch, [out, 1, 1] here);
 * otherwise shapes and dtypes must be the model's.
 *
 * @param like  the model. It is not changed.
 * @param dict  tensors by name.
 * @returns a tree of `like`'s structure with the tensors of `dict` on the devices of `like`'s, and `like`'s other leaves.
 * @throws ERR_FORMAT for names that are missing or left over, and for a tensor of another shape or dtype; the message
 *   names the path in the model. ERR_ARGUMENT for what is no state dict, names that are no names, and unknown options;
 *   ERR_DISPOSED.
 * @example
 * const dict = await io.loadStateDict('resnet.pt');
 * const model = io.fromStateDict(net, dict, { names: (name) => `backbone.${name}` });
 * @see torch.nn.Module.load_state_dict.
 */
export function fromStateDict<T>(
  like: T,
  dict: Readonly<Record<string, Tensor>>,
  options: FromStateDictOptions = {},
): T {
  const op = 'fromStateDict';
  requireOptions(options, ['names', 'convert', 'strict'], op);
  const { convert, strict = true } = options;
  if (typeof dict !== 'object' || (dict as unknown) === null) {
    throw new ArgumentError(`${op}: expected an object of tensors by name, got ${typeof dict}.`, { op });
  }
  const nameIn = mapping(options.names, op);
  const used = new Set<string>();
  const missing: string[] = [];
  for (const { name } of namedTensors(like, op)) {
    const other = nameIn(name);
    if (Object.hasOwn(dict, other)) used.add(other);
    else missing.push(other === name ? name : `${other} (for ${name})`);
  }
  if (strict) {
    const extra = Object.keys(dict).filter((name) => !used.has(name));
    refuseNames(missing, 'expected the tensors of the model in the state dict, got none for', op);
    refuseNames(extra, 'expected only tensors of the model in the state dict, got also', op);
  }
  const [leaves, structure] = flattenWithPath(like);
  const loaded = leaves.map(([path, leaf]) => {
    if (!(leaf instanceof Tensor)) return leaf;
    const other = nameIn(nameOf(path));
    if (!Object.hasOwn(dict, other)) return leaf;
    const value: unknown = dict[other];
    if (!(value instanceof Tensor)) {
      throw new ArgumentError(
        `${op}: expected a tensor for ${JSON.stringify(other)} in the state dict, got ${typeof value}.`,
        { op },
      );
    }
    for (const [given, where] of [
      [value, 'the state dict'],
      [leaf, 'the model'],
    ] as const) {
      if (!given.isDisposed) continue;
      throw new DisposedError(
        `${op}: expected live tensors in ${where}, got a disposed one${atPath(path)} (${other}).`,
        {
          op,
        },
      );
    }
    return fitted(converted(convert, value, leaf, other, op), leaf, path, other, op);
  });
  return unflatten(structure, loaded) as T;
}

function converted(
  convert: FromStateDictOptions['convert'],
  value: Tensor,
  like: Tensor,
  name: string,
  op: string,
): Tensor {
  if (convert === undefined) return value;
  const made: unknown = convert(value, like, name);
  if (made instanceof Tensor) return made;
  throw new ArgumentError(
    `${op}: expected \`convert\` to return a tensor for ${JSON.stringify(name)}, got ${typeof made}.`,
    { op },
  );
}

function fitted(value: Tensor, like: Tensor, path: Path, name: string, op: string): Tensor {
  const sameSizes = sameShape(withoutOnes(value.shape), withoutOnes(like.shape));
  if (!sameSizes || value.dtype !== like.dtype) {
    const cause = new MismatchError(
      describeArray(value.dtype, value.shape),
      describeArray(like.dtype, like.shape),
    );
    const place = name === nameOf(path) ? '' : ` (${name} in the file)`;
    throw new FormatError(`${op}: ${describeMismatch(path, cause)}${place}.`, { op });
  }
  const shaped = sameShape(value.shape, like.shape) ? value : value.reshape(like.shape);
  const { device } = like;
  return device === value.device || device === 'meta' ? shaped : to(shaped, { device });
}

function withoutOnes(shape: readonly number[]): number[] {
  return shape.filter((length) => length !== 1);
}

function refuseNames(names: readonly string[], what: string, op: string): void {
  if (names.length === 0) return;
  const shown = names.slice(0, 5).join(', ');
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  throw new FormatError(
    `${op}: ${what} ${shown}${more}. Say which belongs to which with \`names\`, or pass {strict: false}.`,
    { op },
  );
}

function mapping(names: FromStateDictOptions['names'], op: string): (name: string) => string {
  if (names === undefined) return (name) => name;
  const find = typeof names === 'function' ? names : (name: string) => names[name] ?? name;
  return (name) => {
    const other: unknown = find(name);
    if (typeof other === 'string') return other;
    throw new ArgumentError(
      `${op}: expected \`names\` to give a name for ${JSON.stringify(name)}, got ${typeof other}.`,
      { op },
    );
  };
}

export interface NamedTensor {
  readonly name: string;
  readonly path: Path;
  readonly tensor: Tensor;
}

/** Runs `body`; what goes wrong with the tensor is told with its path. */
export function atTensor(op: string, path: Path, body: () => void): void {
  try {
    body();
  } catch (cause) {
    if (!(cause instanceof EquinodeError) || cause.op === op) throw cause;
    const reason = cause.message.replace(/^[\w ]+: /, '').replace(/\.$/, '');
    throw errorOf(cause.code, `${op}: ${reason}${atPath(path)}.`, { op, cause });
  }
}

/** The tensors of a tree with their names, in order. */
export function namedTensors(tree: unknown, op: string): NamedTensor[] {
  const byName = new Map<string, NamedTensor>();
  for (const [path, leaf] of flattenWithPath(tree)[0]) {
    if (!(leaf instanceof Tensor)) continue;
    const name = nameOf(path);
    const other = byName.get(name);
    if (other !== undefined) {
      throw new ArgumentError(
        `${op}: expected a name of its own for each tensor, got ${JSON.stringify(name)} for both ` +
          `${keystr(other.path)} and ${keystr(path)}. Rename one of the keys.`,
        { op },
      );
    }
    byName.set(name, { name, path, tensor: leaf });
  }
  return [...byName.values()];
}

function nameOf(path: Path): string {
  return path.map(stepName).join('.');
}

function stepName(step: PathKey): string {
  switch (step.kind) {
    case 'index':
      return String(step.index);
    case 'field':
      return step.name;
    case 'key':
      return String(step.key);
  }
}
