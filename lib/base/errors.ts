/** Stable codes of every error that Equinode throws; `error.code` is one of these. */
export type ErrorCode =
  | 'ERR_OPERATOR'
  | 'ERR_SHAPE'
  | 'ERR_DTYPE'
  | 'ERR_DEVICE'
  | 'ERR_ARGUMENT'
  | 'ERR_MEMORY'
  | 'ERR_DISPOSED'
  | 'ERR_TREE'
  | 'ERR_MODULE'
  | 'ERR_CONCRETISATION'
  | 'ERR_TRANSFORM'
  | 'ERR_RUNTIME'
  | 'ERR_FORMAT'
  | 'ERR_SETUP';

export interface ErrorDetails {
  /** The public name of the function or operator that the user called. */
  readonly op?: string | undefined;
  /** What was underneath: libtorch's own error, a file system error, a user's exception. */
  readonly cause?: unknown;
}

/**
 * The base of every error that Equinode throws on purpose.
 *
 * `message` says what was asked, what was given and what to do; `code` is stable and meant for programs;
 * `cause` keeps what was underneath.
 */
export class EquinodeError extends Error {
  readonly code: ErrorCode;
  readonly op: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    // Far enough to reach the user's line under transforms that are nested.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = Math.max(stackTraceLimit, 60);
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.op = details.op;
    this.name = new.target.name;
  }
}

/** libtorch refused an operator call; the message quotes its reason. */
export class OperatorError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_OPERATOR', message, details);
  }
}

/** Shapes that do not fit each other, or that a function does not take. */
export class ShapeError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_SHAPE', message, details);
  }
}

/** A dtype that is unknown, or that a function does not take. */
export class DtypeError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_DTYPE', message, details);
  }
}

/** A device that is unknown or not present. */
export class DeviceError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_DEVICE', message, details);
  }
}

/** An argument of the wrong kind or outside its range. */
export class ArgumentError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_ARGUMENT', message, details);
  }
}

/** The host or the device has no memory left for what was asked. */
export class OutOfMemoryError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_MEMORY', message, details);
  }
}

/** A tensor was used after it was disposed, or after the scope or transform that owned it had ended. */
export class DisposedError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_DISPOSED', message, details);
  }
}

/** Trees whose structures do not fit, cycles, places that are not in the tree. */
export class TreeError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_TREE', message, details);
  }
}

/** A `Module` that was written or used in a way that cannot work. */
export class ModuleError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_MODULE', message, details);
  }
}

/** The value of a tensor was asked for where it has none yet: inside `jit`, `vmap` or `grad`. */
export class ConcretisationError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_CONCRETISATION', message, details);
  }
}

/** A transform was given something that it cannot transform. */
export class TransformError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_TRANSFORM', message, details);
  }
}

/** Raised by `errorIf` inside compiled code. */
export class EquinodeRuntimeError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_RUNTIME', message, details);
  }
}

/** A file that is truncated, malformed, or does not fit what it is read into. */
export class FormatError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_FORMAT', message, details);
  }
}

/** libtorch or the addon is missing or does not fit; the message names the command that mends it. */
export class SetupError extends EquinodeError {
  constructor(message: string, details?: ErrorDetails) {
    super('ERR_SETUP', message, details);
  }
}

type ErrorClass = new (message: string, details?: ErrorDetails) => EquinodeError;

const classes: Readonly<Record<ErrorCode, ErrorClass>> = {
  ERR_OPERATOR: OperatorError,
  ERR_SHAPE: ShapeError,
  ERR_DTYPE: DtypeError,
  ERR_DEVICE: DeviceError,
  ERR_ARGUMENT: ArgumentError,
  ERR_MEMORY: OutOfMemoryError,
  ERR_DISPOSED: DisposedError,
  ERR_TREE: TreeError,
  ERR_MODULE: ModuleError,
  ERR_CONCRETISATION: ConcretisationError,
  ERR_TRANSFORM: TransformError,
  ERR_RUNTIME: EquinodeRuntimeError,
  ERR_FORMAT: FormatError,
  ERR_SETUP: SetupError,
};

/** Builds the error for a code: how the addon's errors become instances of the classes above. */
export function errorOf(code: string, message: string, details?: ErrorDetails): EquinodeError {
  const Class = Object.hasOwn(classes, code) ? classes[code as ErrorCode] : OperatorError;
  return new Class(message, details);
}
