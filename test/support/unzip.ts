import { withArchive } from '../../lib/io/zip-archive';

/** The files of a zip archive, by name. */
export async function unzip(path: string): Promise<Record<string, Buffer>> {
  return withArchive(path, 'unzip', {}, async ({ entries }) => {
    const files: [string, Buffer][] = [];
    for (const entry of entries.values()) files.push([entry.name, await entry.read()]);
    return Object.fromEntries(files);
  });
}
