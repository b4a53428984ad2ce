import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { silentReport } from '../../lib/setup/report';
import type { Report } from '../../lib/setup/report';
import { unpackZip } from '../../lib/setup/unpack';
import { useFolder } from '../support/folder';
import { writeZip } from '../support/libtorch';

const inFolder = useFolder();
const everything = { place: (name: string) => name, title: 'unpacking', report: silentReport };

test('chosen entries are unpacked, executable where the archive says so', async () => {
  const zip = await writeZip(inFolder('a.zip'), {
    'keep/one': 'first',
    'drop/two': 'second',
    'keep/three': '',
  });
  const written = await unpackZip(zip, inFolder('a'), {
    ...everything,
    place: (name) => (name.startsWith('keep/') ? name.replace('keep', 'kept') : undefined),
  });
  expect(written).toBe(2);
  expect(readFileSync(inFolder('a/kept/one'), 'utf8')).toBe('first');
  expect(readFileSync(inFolder('a/kept/three'), 'utf8')).toBe('');
  expect(statSync(inFolder('a/kept/one')).mode & 0o777).toBe(0o755);
  expect(() => statSync(inFolder('a/drop'))).toThrow('ENOENT');
});

test('progress runs from nothing to the size of what is unpacked', async () => {
  const seen: number[] = [];
  let total = 0;
  let stopped = false;
  const report: Report = {
    ...silentReport,
    progress: (_title, bytes) => {
      total = bytes;
      return { update: (done) => void seen.push(done), stop: () => void (stopped = true) };
    },
  };
  const zip = await writeZip(inFolder('p.zip'), { a: 'x'.repeat(1000), b: 'y'.repeat(500) });
  await unpackZip(zip, inFolder('p'), { ...everything, report });
  expect(total).toBe(1500);
  expect(seen.at(-1)).toBe(1500);
  expect(stopped).toBe(true);
});

test('a truncated archive, and a file that is none, are errors', async () => {
  const zip = await writeZip(inFolder('t.zip'), { a: 'x'.repeat(1000) });
  truncateSync(zip, statSync(zip).size - 30);
  await expect(unpackZip(zip, inFolder('t'), everything)).rejects.toMatchObject({ code: 'ERR_SETUP' });
  writeFileSync(inFolder('page.zip'), '<html>no such file</html>');
  await expect(unpackZip(inFolder('page.zip'), inFolder('t'), everything)).rejects.toThrow(
    `libtorch: ${inFolder('page.zip')} could not be unpacked`,
  );
});

test('a damaged entry is an error', async () => {
  const text = 'the very bytes of this text, which do not get any smaller 0123456789';
  const zip = await writeZip(inFolder('d.zip'), { a: text });
  const bytes = readFileSync(zip);
  // The checksum in the central directory, 16 bytes after its signature.
  const directory = bytes.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
  bytes.writeUInt32LE((bytes.readUInt32LE(directory + 16) ^ 1) >>> 0, directory + 16);
  writeFileSync(zip, bytes);
  await expect(unpackZip(zip, inFolder('d'), everything)).rejects.toThrow('the checksum of a is wrong');
});

test('an entry that points out of the folder is an error', async () => {
  const zip = await writeZip(inFolder('e.zip'), { a: 'text' });
  await expect(unpackZip(zip, inFolder('e'), { ...everything, place: () => '../outside' })).rejects.toThrow(
    'the archive\'s entry "../outside" points out of its folder',
  );
});
