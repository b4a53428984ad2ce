import { dtypeInfo } from '../base/dtype';
import { FormatError } from '../base/errors';
import { PickleGlobal, readPickle } from './pickle';
import { requireWithin, TensorRef, type StorageRef, torchGlobal, storageOf } from './torch-pickle';
import { withArchive, type Archive } from './zip-archive';

const maxCodeBytes = 1 << 26;
/** libtorch's parser calls itself for each of these, and has no limit of its own. */
const maxNesting = 200;

/**
 * Checks all of a TorchScript archive that libtorch takes on trust: the zip archive and its checksums, that the pickles
 * are well-formed, storages as large and tensors within them as they say, that no code runs while the file is loaded,
 * and that code is not nested so deep that its parser would need more stack than there is.
 *
 * @throws ERR_FORMAT if one of these is not so; ERR_ARGUMENT if the file cannot be read.
 */
export async function checkScriptArchive(path: string, op: string): Promise<void> {
  await withArchive(path, op, {}, async (archive) => {
    try {
      await check(archive);
    } catch (cause) {
      if (!(cause instanceof FormatError) || cause.op !== undefined) throw cause;
      throw new FormatError(`${op}: ${cause.message} in ${path}.`, { op, cause });
    }
  });
}

async function check(archive: Archive): Promise<void> {
  const names = [...archive.entries.keys()];
  const [pickle] = names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const folder = pickle?.slice(0, -'data.pkl'.length) ?? '';
  if (pickle === undefined || !archive.entries.has(`${folder}constants.pkl`)) {
    throw new FormatError('expected a TorchScript module, got another archive (see loadStateDict)');
  }
  for (const entry of archive.entries.values()) {
    if (!entry.name.startsWith(folder)) {
      throw new FormatError(
        `expected all files in ${JSON.stringify(folder)}, got ${JSON.stringify(entry.name)}`,
      );
    }
    const content = await entry.read();
    const name = entry.name.slice(folder.length);
    if (name === 'data.pkl' || name === 'constants.pkl') {
      checkPickle(archive, content, `${folder}${name.slice(0, -'.pkl'.length)}/`);
    } else if (name.startsWith('code/') && name.endsWith('.py')) {
      checkCode(content);
    }
  }
}

/** A pickle of the C++ library: objects of the file's own classes, tensors, and lists of a type. */
function checkPickle(archive: Archive, content: Buffer, data: string): void {
  readPickle(content, {
    find: (name) => {
      const known = torchGlobal(name);
      if (!(known instanceof PickleGlobal) || known.call === undefined) {
        return known ?? new PickleGlobal(name, (args) => ({ name, args }));
      }
      const { call } = known;
      return new PickleGlobal(name, (args) => {
        const made = call(args);
        if (made instanceof TensorRef) requireWithin(made, elementsOf(made));
        return made;
      });
    },
    persistent: (id) => {
      const storage: StorageRef = storageOf(id);
      const expected = storage.size * dtypeInfo(storage.dtype ?? 'uint8').itemBytes;
      const found = archive.entries.get(`${data}${storage.key}`)?.byteCount;
      if (found !== expected) {
        throw new FormatError(
          `expected ${expected} bytes for the storage ${storage.key}, got ${found ?? 'no such file in the archive'}`,
        );
      }
      return storage;
    },
    make: (target) => ({ target }),
  });
}

/** How many elements of its dtype a tensor's storage has. */
function elementsOf({ storage, dtype }: TensorRef): number {
  const byteCount = storage.size * dtypeInfo(storage.dtype ?? 'uint8').itemBytes;
  return Math.floor(byteCount / dtypeInfo(dtype).itemBytes);
}

function checkCode(content: Buffer): void {
  if (content.length > maxCodeBytes) {
    throw new FormatError(`expected at most ${maxCodeBytes} bytes of code, got ${content.length}`);
  }
  const text = content.toString('latin1');
  if (text.includes('__setstate__')) {
    throw new FormatError('expected a module that is only data, got one that runs code when it is loaded');
  }
  if (nestingOf(text) > maxNesting) {
    throw new FormatError(`expected code nested at most ${maxNesting} deep, got deeper`);
  }
}

/** How deep the parser and the compiler call themselves: for brackets, indentation, and the operators of a line. */
function nestingOf(text: string): number {
  let most = 0;
  let depth = 0;
  for (const letter of text) {
    if (letter === '(' || letter === '[' || letter === '{') most = Math.max(most, ++depth);
    else if (letter === ')' || letter === ']' || letter === '}') depth--;
  }
  for (const line of text.split('\n')) {
    const indent = /^\s*/.exec(line)?.[0].length ?? 0;
    most = Math.max(most, indent / 2, countOperators(line));
  }
  return most;
}

/** Operators between operands or before one, and what follows a bracket; not the signs and points of numbers. */
function countOperators(line: string): number {
  const bare = line.replace(/\d[\d.]*(e[-+]?\d+)?/g, '0').replace(/([,[(]\s*)-(?=\s*0)/g, '$1');
  return bare.match(/\*\*|[-+*/%&|^@~<>]|\b(?:if|not|and|or|lambda)\b|[)\]]\s*[[(.]/g)?.length ?? 0;
}
