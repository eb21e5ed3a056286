import { join } from 'node:path';
import { Client } from 'pg';
import type { EmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';
import { holderOf } from '../../src/embedded-postgres/postmaster-pid.js';

/** The first column of the first row. */
export async function firstValue(
  postgres: Pick<EmbeddedPostgres, 'connection'>,
  sql: string,
): Promise<unknown> {
  return withClient(postgres, async (client) => {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
    return rows[0]?.[0];
  });
}

export async function withClient<T>(
  { connection }: Pick<EmbeddedPostgres, 'connection'>,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ ...connection });
  client.on('error', () => undefined); // a stopped server ends its sessions
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** Whether it is alive, not a zombie, and a postgres of that DATA_DIR. */
export function isServing(pid: number, dataDir: string): boolean {
  return holderOf(pid, join(dataDir, 'postgres', 'data')) === 'a postgres of this folder';
}
