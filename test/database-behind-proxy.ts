import type { NetConnectOpts } from 'node:net';
import { onTestFinished } from 'vitest';
import type { DatabaseAddress } from '../src/database/data-source.js';
import { databaseForTest, type TestDatabase } from './database.js';
import { startTcpProxy, type TcpProxy } from './fakes/tcp-proxy.js';

export interface DatabaseBehindProxy {
  /** The address without the proxy. */
  readonly database: TestDatabase;
  readonly url: string;
  readonly proxy: TcpProxy;
}

/** A separate database behind a proxy that can be cut. */
export async function databaseBehindProxy(template?: string | null): Promise<DatabaseBehindProxy> {
  const database = await databaseForTest(template);
  const proxy = await startTcpProxy(serverOf(database.address));
  onTestFinished(() => proxy.cut());
  return { database, url: urlThrough(proxy, database.address), proxy };
}

/** The address on which the server itself listens. */
export function serverOf(address: DatabaseAddress): NetConnectOpts {
  if (!('url' in address)) return { path: `${address.host}/.s.PGSQL.${address.port}` };
  const { hostname, port } = new URL(address.url);
  return { host: hostname, port: Number(port || 5432) };
}

/** The same database, through a proxy. */
export function urlThrough({ port }: { readonly port: number }, address: DatabaseAddress): string {
  const url = new URL(
    'url' in address ? address.url : `postgres://${address.user}@localhost/${address.database}`,
  );
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return url.href;
}
