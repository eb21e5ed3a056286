import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { dataSourceOptions, pgOptions } from '../../src/database/data-source.js';
import { DatabaseClient } from '../../src/database/database-client.js';
import { migrate } from '../../src/database/migrate.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { serviceForTest } from '../service.js';
import { until } from '../until.js';
import { queryOf, ServerPair } from './standby.js';

describe('a DATABASE_URL of several hosts', () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await ServerPair.start();
  });
  afterAll(() => pair.stop());

  /** The host that a new connection reaches. */
  async function reached(url: string): Promise<string> {
    const client = new DatabaseClient(pgOptions({ url }, 'test'));
    try {
      await client.connect();
      return client.host;
    } finally {
      await client.end();
    }
  }
  const nowhere = 'postgres://postgres@127.0.0.1:1,';

  it('leads to the first that can be reached, unless it wants another', async () => {
    const { primary, standby } = pair;
    const [main, copy] = [primary.connection.host, standby.connection.host];
    const url = pair.urlOf([standby, primary], '');
    expect(await reached(url)).toBe(copy);
    expect(await reached(url.replace('postgres://postgres@', nowhere))).toBe(copy);
    for (const target of ['read-write', 'primary'])
      expect(await reached(pair.urlOf([standby, primary], `target_session_attrs=${target}`))).toBe(main);
    await queryOf(primary, 'ALTER DATABASE postgres SET default_transaction_read_only = on');
    const readWrite = 'target_session_attrs=read-write';
    await expect(reached(pair.urlOf([primary, standby], readWrite))).rejects.toThrow(
      /no server of the list can be used.*accepts no writes; .*is a standby/,
    );
    expect(await reached(pair.urlOf([standby, primary], 'target_session_attrs=primary'))).toBe(main);
    await queryOf(
      primary,
      'BEGIN READ WRITE; ALTER DATABASE postgres RESET default_transaction_read_only; COMMIT',
    );
    // A pool whose connection was never made ends without a trace.
    const source = new DataSource(
      dataSourceOptions({ url: `${nowhere}127.0.0.1:2/postgres` }, 'public', 2, 200),
    );
    await expect(source.initialize()).rejects.toThrow('no server of the list can be used');
    await sleep(300);
    await expect(reached(`${nowhere}127.0.0.1:2/postgres`)).rejects.toThrow(
      /127.0.0.1:1: .*ECONNREFUSED.*; 127.0.0.1:2: /,
    );
  });

  it('closes a connection on which the server refuses writes, so that the next one finds another', async () => {
    const url = pair.urlOf([pair.primary], 'target_session_attrs=read-write');
    const client = new DatabaseClient(pgOptions({ url }, 'test'));
    const ended = new Promise((resolve) => client.once('end', resolve));
    await client.connect();
    await client.prove();
    await client.query('BEGIN READ ONLY');
    await expect(client.prove()).rejects.toThrow('accepts no writes');
    await expect(client.query('CREATE TABLE x ()')).rejects.toMatchObject({ code: '25006' });
    await ended;
  });

  it('follows a failover: pool, LISTEN and migrations go to the server that accepts writes', async () => {
    const { primary, standby } = pair;
    const url = pair.urlOf([standby, primary], 'target_session_attrs=read-write');
    expect(await migrate({ url }, 'public')).not.toEqual([]);
    const service = await serviceForTest(
      { MIGRATE_ON_START: 'false' },
      { address: { url }, query: async () => [], drop: async () => {} },
    );
    const upstream = await upstreamForTest(json({ answer: 'fine' }));
    const before = aWorker(upstream);
    expect((await service.register(before)).status).toBe(200);
    await until(async () => (await queryOf(standby, 'SELECT FROM worker')).length === 1);

    let failed = 0;
    const over = new AbortController();
    onTestFinished(() => over.abort());
    const chatting = (async () => {
      while (!over.signal.aborted)
        if ((await service.chat(before.model_name, 'hi')).status !== 200) failed += 1;
    })();
    await primary.stop();
    await pair.promote();
    await until(async () => (await service.register(aWorker(upstream))).status === 200);
    // LISTEN, on the promoted server: a change by hand is seen long before the comparison of the tests, every 2 s.
    const listens = `SELECT FROM pg_stat_activity WHERE application_name LIKE 'mmm % listen %'`;
    await until(async () => (await queryOf(standby, listens)).length === 1);
    expect(await migrate({ url }, 'public')).toEqual([]);
    over.abort();
    await chatting;
    expect(failed).toBe(0);
  });
});
