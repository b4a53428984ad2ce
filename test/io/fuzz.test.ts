import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EquinodeError } from '../../lib/base/errors';
import { mnist } from '../../lib/data';
import { headerBytes, Summary } from '../../lib/io/checkpoint-file';
import { Checkpointer } from '../../lib/io/checkpointer';
import { treeDeserialiseLeaves } from '../../lib/io/eqx';
import { loadStateDict } from '../../lib/io/load-state-dict';
import { loadNpy, loadNpz, saveNpy, saveNpz } from '../../lib/io/npz';
import { loadSafetensors } from '../../lib/io/safetensors';
import { loadTorchScript } from '../../lib/io/torchscript';
import { tensor } from '../../lib/tensor/create';
import { useFolder } from '../support/folder';
import { writeSmallMnist } from '../support/idx-files';
import { mutations } from '../support/mutations';
import { writeArchive } from '../support/torch-file';
import { unzip } from '../support/unzip';

const inFolder = useFolder();
const fixtures = join(__dirname, '../fixtures/io');
const fixture = (name: string) => readFileSync(join(fixtures, name));

interface Target {
  readonly name: string;
  readonly count: number;
  readonly whole: () => Uint8Array | Promise<Uint8Array>;
  /** Writes a damaged file in such a way that the damage is reached. */
  readonly write?: (path: string, damaged: Uint8Array) => void | Promise<void>;
  readonly read: (path: string) => unknown;
}

let stateFiles: Record<string, Buffer>;
let programFiles: Record<string, Buffer>;
beforeAll(async () => {
  stateFiles = await unzip(join(fixtures, 'state.pt'));
  programFiles = await unzip(join(fixtures, 'program.pt'));
});

const golden = () => [tensor(0, { dtype: 'int32' }), tensor([0, 0]), tensor([[0, 0, 0], [0, 0, 0]]), false, 0, 0]; // prettier-ignore
const inside = (files: () => Record<string, Buffer>, name: string) => ({
  whole: () => files()[name]!,
  // With the right checksum, so that what is behind it is what stops the damage.
  write: (path: string, damaged: Uint8Array) => {
    writeArchive(path, { ...files(), [name]: damaged });
  },
});

const targets: readonly Target[] = [
  {
    name: '.eqx',
    count: 1500,
    whole: () => fixture('golden.eqx'),
    read: (path) => treeDeserialiseLeaves(path, golden(), { allowTrailing: true }),
  },
  { name: 'safetensors', count: 1500, whole: () => fixture('all.safetensors'), read: loadSafetensors },
  {
    name: '.npy',
    count: 1000,
    whole: () => {
      saveNpy(inFolder('whole.npy'), tensor([[1, 2]]));
      return readFileSync(inFolder('whole.npy'));
    },
    read: loadNpy,
  },
  { name: '.npz, compressed', count: 500, whole: () => fixture('packed.npz'), read: (path) => loadNpz(path) },
  {
    name: '.npz, stored',
    count: 500,
    whole: () => {
      saveNpz(inFolder('whole.npz'), { a: tensor([1, 2]), b: tensor([true]) });
      return readFileSync(inFolder('whole.npz'));
    },
    read: (path) => loadNpz(path),
  },
  {
    name: "PyTorch's archive",
    count: 500,
    whole: () => fixture('state.pt'),
    read: (path) => loadStateDict(path, { verifyChecksums: false }),
  },
  {
    name: "PyTorch's pickle",
    count: 1000,
    ...inside(() => stateFiles, 'state/data.pkl'),
    read: (path) => loadStateDict(path),
  },
  {
    name: 'a checkpoint',
    count: 500,
    whole: () => readFileSync(new Checkpointer(inFolder('whole')).save(1, { a: tensor([1, 2]), b: 1 })),
    write: (path, damaged) => {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'step-000000000001.ckpt'), damaged);
    },
    read: (path) => new Checkpointer(path).restore({ a: tensor([0, 0]), b: 0 }, 1),
  },
  {
    name: 'the leaves of a checkpoint',
    count: 500,
    whole: () => {
      const path = new Checkpointer(inFolder('leaves')).save(1, golden());
      const bytes = readFileSync(path);
      return bytes.subarray(bytes.indexOf('\n') + 1);
    },
    // Under a header that is right for them.
    write: (path, damaged) => {
      mkdirSync(path, { recursive: true });
      const summary = new Summary();
      summary.write(damaged);
      const header = headerBytes(1, undefined, summary);
      writeFileSync(join(path, 'step-000000000001.ckpt'), Buffer.concat([header, damaged]));
    },
    read: (path) => new Checkpointer(path).restore(golden(), 1),
  },
  {
    name: "MNIST's images",
    count: 500,
    whole: () => {
      writeSmallMnist(inFolder('mnist'), 3, 2);
      return readFileSync(inFolder('mnist/train-images-idx3-ubyte'));
    },
    write: (path, damaged) => {
      writeSmallMnist(path, 3, 2);
      writeFileSync(join(path, 'train-images-idx3-ubyte'), damaged);
    },
    read: (path) => mnist({ path }),
  },
  { name: 'a TorchScript archive', count: 300, whole: () => fixture('program.pt'), read: loadTorchScript },
  {
    name: "TorchScript's pickle",
    count: 200,
    ...inside(() => programFiles, 'program/data.pkl'),
    read: loadTorchScript,
  },
  {
    name: "TorchScript's code",
    count: 200,
    ...inside(() => programFiles, 'program/code/__torch__.py'),
    read: loadTorchScript,
  },
];

describe('a damaged file is an error of the library, or loads as other values', () => {
  test.each(targets)(
    '$name',
    async ({ name, count, whole, write, read }) => {
      const path = inFolder(name.replace(/\W/g, ''));
      mkdirSync(dirname(path), { recursive: true });
      const before = process.memoryUsage().rss;
      let refused = 0;
      for (const damaged of mutations(await whole(), count, name.length)) {
        if (write === undefined) writeFileSync(path, damaged);
        else await write(path, damaged);
        try {
          await read(path);
        } catch (error) {
          if (!(error instanceof EquinodeError)) throw error;
          expect(['ERR_FORMAT', 'ERR_ARGUMENT']).toContain(error.code);
          refused++;
        }
      }
      expect(refused).toBeGreaterThan(count / 20);
      expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 29);
    },
    120_000,
  );
});
