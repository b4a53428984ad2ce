import { ArgumentError, EquinodeError, errorOf, FormatError } from '../base/errors';
import { field, isCallable, Module, type Callable } from '../module';
import { readScript, saveScript, type Script } from '../transform/script';
import type { Tensor } from '../tensor/tensor';
import { pathOf } from './random-file';
import { checkScriptArchive } from './script-archive';
import { namedTensors, type StateDict } from './state-dict';

/**
 * Compiles a function or a module for example arguments, as `filterJit` does, and writes it as a TorchScript file, which
 * Python's `torch.jit.load` opens and C++'s `torch::jit::load`.
 *
 * The tensors of a module become parameters of the file's module (buffers, where their dtype has no gradients) under the
 * names of `stateDict`; tensors that a function captures become constants. `forward` takes the tensors of the arguments,
 * in the order of the leaves, and returns the result's: one tensor, or a tuple. Everything else (numbers, shapes,
 * branches) is what it was for the example, as with `torch.jit.trace`.
 *
 * @param path  the file; it is replaced only when everything was written and synced.
 * @param fn  a function or module of trees.
 * @param exampleArgs  arguments with the shapes and dtypes that it will have.
 * @throws ERR_ARGUMENT if it returns no tensor or the file cannot be written; ERR_CONCRETISATION if it reads the value of a
 *   traced tensor; ERR_TRANSFORM if it has operators that PyTorch has not (those of `random`), or inside a transform.
 * @example
 * io.exportTorchScript('net.pt', model, image);
 * // In Python: torch.jit.load('net.pt')(image)
 * @see torch.jit.trace, torch.jit.save.
 */
export function exportTorchScript<A extends unknown[]>(
  path: string | URL,
  fn: Callable<A>,
  ...exampleArgs: A
): void {
  const op = 'exportTorchScript';
  if (!isCallable(fn)) {
    throw new ArgumentError(`${op}: expected a function or a module, got a value of type ${typeof fn}.`, {
      op,
    });
  }
  const names = attributeNames(namedTensors(fn, op).map(({ name }) => name));
  saveScript(op, pathOf(path, op), fn as Callable<unknown[]>, exampleArgs, names);
}

/** Names that attributes can have: no step of a path is empty, or the name of a method. */
function attributeNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const steps = name.split('.').map((step) => (/^(|forward|training|_.*)$/.test(step) ? `p${step}` : step));
    let found = steps.join('.').replace(/[^\w.]/g, '_');
    // A tensor cannot stand where others have their folder.
    while (taken.has(found) || names.some((other) => other.startsWith(`${found}.`))) found += '_';
    taken.add(found);
    return found;
  });
}

const isStatic = field({ static: true });

/**
 * The module of a TorchScript file. Its tensors are leaves, so that it can be trained, mapped and saved like any other
 * module; what is done with them is the file's program.
 */
export class TorchScriptModule extends Module {
  static readonly fields = { script: isStatic };
  /** By their names in the file: `layers.0.weight`. */
  readonly parameters: StateDict;
  /** Statistics and constants. No gradients flow to them. */
  readonly buffers: StateDict;
  readonly script: Script;

  /** @internal Made by `loadTorchScript`. */
  constructor(script: Script, parameters: StateDict, buffers: StateDict) {
    super();
    this.parameters = parameters;
    this.buffers = buffers;
    this.script = script;
  }

  /**
   * Runs the program's `forward`.
   *
   * @param args  tensors, lists of tensors, numbers, booleans and strings, as the file says; those with defaults may be
   *   left out.
   * @returns a tensor, as the type says; or what else the program gives: arrays for tuples and lists, objects for dicts.
   * @throws ERR_ARGUMENT for other arguments; what the program's operators throw.
   */
  forward(...args: readonly unknown[]): Tensor {
    const { script, parameters, buffers } = this;
    return script.run('TorchScriptModule.forward', parameters, buffers, args) as Tensor;
  }
}

/**
 * Loads a TorchScript file: of `exportTorchScript`, or of Python's `torch.jit.script` or `torch.jit.trace` with `save`.
 *
 * The result is a module whose parameters are leaves: `filterGrad` differentiates by them, `filterVmap` maps over its
 * arguments, `filterJit` compiles it together with what is around it. Save modules in evaluation mode (`eval()`): a
 * program that updates buffers of its own is refused, and random operators (dropout while training) work only outside
 * transforms.
 *
 * The file cannot reach out of the computation: programs that read or write files, start threads or run code while they
 * are loaded are refused. It can still compute for as long as it likes.
 *
 * @param path  the file.
 * @throws ERR_FORMAT if the file is damaged or no TorchScript module, or is refused; the message says why. ERR_ARGUMENT if
 *   it cannot be read.
 * @example
 * const net = await io.loadTorchScript('net.pt');
 * const loss = (net: io.TorchScriptModule, x: Tensor, y: Tensor) => net.forward(x).sub(y).square().mean();
 * const grads = filterGrad(loss)(net, x, y);
 * @see torch.jit.load.
 */
export async function loadTorchScript(path: string | URL): Promise<TorchScriptModule> {
  const op = 'loadTorchScript';
  const file = pathOf(path, op);
  await checkScriptArchive(file, op);
  try {
    const { script, tensors } = readScript(file);
    const dict = (wanted: boolean): StateDict =>
      Object.fromEntries(
        tensors.filter(({ isParameter }) => isParameter === wanted).map(({ name, tensor }) => [name, tensor]),
      );
    return new TorchScriptModule(script, dict(true), dict(false));
  } catch (cause) {
    if (!(cause instanceof EquinodeError)) throw cause;
    const code = cause instanceof FormatError ? cause.code : 'ERR_FORMAT';
    throw errorOf(code, `${op}: ${cause.message.replace(/\.$/, '')} in ${file}.`, { op, cause });
  }
}
