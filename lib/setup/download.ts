import { createWriteStream } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type * as undici from 'undici';
import { SetupError } from '../base/errors';
import type { Report } from './report';

/**
 * Downloads a file over HTTP, through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name.
 *
 * @throws ERR_SETUP when the site cannot be reached, refuses, or breaks off.
 */
export async function downloadFile(url: string, path: string, title: string, report: Report): Promise<void> {
  // Loaded here, since most set-ups find a libtorch and need no client.
  const { EnvHttpProxyAgent, fetch } = createRequire(__filename)('undici') as typeof undici;
  const proxy = hasProxy() ? new EnvHttpProxyAgent() : undefined;
  try {
    const response = await fetch(url, proxy === undefined ? {} : { dispatcher: proxy });
    if (!response.ok || response.body === null) {
      throw new Error(`the site answered ${response.status} ${response.statusText}`.trimEnd());
    }
    const length = Number(response.headers.get('content-length') ?? 0);
    const progress = report.progress(title, length, 'MB');
    let done = 0;
    const count = new Transform({
      transform(chunk: Buffer, _encoding, callback) {
        done += chunk.length;
        progress.update(done);
        callback(null, chunk);
      },
    });
    try {
      await pipeline(Readable.fromWeb(response.body), count, createWriteStream(path));
    } finally {
      progress.stop();
    }
    if (length > 0 && done !== length) throw new Error(`it broke off after ${done} of ${length} bytes`);
  } catch (cause) {
    throw new SetupError(`libtorch: ${url} could not be downloaded: ${reasonOf(cause)}.`, { cause });
  } finally {
    await proxy?.close();
  }
}

function hasProxy(): boolean {
  return ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].some(
    (name) => process.env[name] !== undefined,
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A failed fetch says only that; why is on its cause.
  return error.cause instanceof Error ? error.cause.message : error.message;
}
