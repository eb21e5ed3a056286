import { onTestFinished } from 'vitest';
import { databaseForTest, type TestDatabase } from './database.js';
import { startTcpProxy, type TcpProxy } from './fakes/tcp-proxy.js';

export interface DatabaseBehindProxy {
  /** The direct way. */
  readonly database: TestDatabase;
  readonly url: string;
  readonly proxy: TcpProxy;
}

/** A database of its own, behind a proxy that can be cut. */
export async function databaseBehindProxy(template?: string | null): Promise<DatabaseBehindProxy> {
  const database = await databaseForTest(template);
  const { address } = database;
  const server = 'url' in address ? new URL(address.url) : null;
  const proxy = await startTcpProxy(
    'url' in address
      ? { host: server?.hostname ?? '', port: Number(server?.port || 5432) }
      : { path: `${address.host}/.s.PGSQL.${address.port}` },
  );
  onTestFinished(() => proxy.cut());
  const url = new URL(server?.href ?? `postgres://${'user' in address ? address.user : ''}@localhost`);
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  if ('database' in address) url.pathname = `/${address.database}`;
  return { database, url: url.href, proxy };
}
