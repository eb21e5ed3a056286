import { once } from 'node:events';
import { createServer } from 'node:net';
import { DataSource } from 'typeorm';
import { expect, it, onTestFinished } from 'vitest';
import { dataSourceOptions } from './data-source.js';
import { databaseError, DatabaseUnavailableError } from './database-unavailable-error.js';

/** A message of PostgreSQL's protocol: its type, its length (which counts itself), its body. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const authenticated = message('R', Buffer.alloc(4));
const readyForQuery = message('Z', Buffer.from('I'));
const stopping = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'));

it('survives a server that stops while it accepts the connection', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([authenticated, readyForQuery, stopping])));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const source = new DataSource(dataSourceOptions({ url: `postgres://u@127.0.0.1:${port}/d` }, 'public', 2));
  // An unhandled error would end this process, and with it the test.
  const failure = await source.initialize().catch(databaseError);
  expect(failure).toBeInstanceOf(DatabaseUnavailableError);
});
