import { once } from 'node:events';
import { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';

/** Starts to listen on loopback. @returns the port */
export async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  if (server instanceof HttpServer) server.keepAliveTimeout = 60_000;
  await once(server.listen(0, host), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
