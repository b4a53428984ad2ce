import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { downloadFile } from '../../lib/setup/download';
import { silentReport } from '../../lib/setup/report';
import { useFolder } from '../support/folder';

const inFolder = useFolder();
let server: Server;
let base = '';

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/file') response.end('contents');
    else if (request.url === '/broken') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    } else {
      response.writeHead(404);
      response.end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
});

test('a file is downloaded whole', async () => {
  await downloadFile(`${base}/file`, inFolder('file'), 'downloading', silentReport);
  expect(readFileSync(inFolder('file'), 'utf8')).toBe('contents');
});

test('a refusal names the address and the answer', async () => {
  await expect(
    downloadFile(`${base}/none`, inFolder('none'), 'downloading', silentReport),
  ).rejects.toMatchObject({
    code: 'ERR_SETUP',
    message: `libtorch: ${base}/none could not be downloaded: the site answered 404 Not Found.`,
  });
  expect(existsSync(inFolder('none'))).toBe(false);
});

test('a download that breaks off is an error', async () => {
  await expect(
    downloadFile(`${base}/broken`, inFolder('broken'), 'downloading', silentReport),
  ).rejects.toMatchObject({ code: 'ERR_SETUP' });
});

test('a site that cannot be reached is an error with the reason', async () => {
  await expect(
    downloadFile('http://127.0.0.1:1/x', inFolder('x'), 'downloading', silentReport),
  ).rejects.toMatchObject({ code: 'ERR_SETUP' });
});
