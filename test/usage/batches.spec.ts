import { DataSource } from 'typeorm';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dataSourceOptions } from '../../src/database/data-source.js';
import { Database } from '../../src/database/database.js';
import { ReplicaIdentity } from '../../src/database/replica-identity.js';
import { UsageSums, type UsageSum } from '../../src/usage/usage-sums.js';
import { UsageTable } from '../../src/usage/usage-table.js';
import { databaseForTest, type TestDatabase } from '../database.js';

const NOW = Date.UTC(2026, 10, 27, 8, 30);

function batch(
  tokens: number,
  models: readonly string[],
  more: { readonly cost?: number } = {},
): readonly UsageSum[] {
  const sums = new UsageSums();
  for (const model of models)
    sums.add(
      {
        keyId: null,
        keyName: 'root',
        team: null,
        model,
        workerId: null,
        outcome: 'ok',
        input: tokens,
        cached: 0,
        output: 0,
        estimated: 0,
        images: 0,
        seconds: 0.5,
        cost: more.cost ?? null,
        currency: more.cost === undefined ? null : 'EUR',
      },
      NOW,
    );
  return sums.take(1_000);
}

async function tableOf(database: TestDatabase): Promise<UsageTable> {
  const source = await new DataSource(dataSourceOptions(database.address, 'public', 2)).initialize();
  onTestFinished(() => source.destroy());
  const settings = { schema: 'public' } as ConstructorParameters<typeof UsageTable>[2];
  return new UsageTable(new Database(source), new ReplicaIdentity(), settings);
}

const TABLES = ['usage_hourly', 'usage_by_hour', 'usage_by_worker', 'usage_daily'];
const sumsIn = (database: TestDatabase, table: string) =>
  database.query(
    `SELECT model, requests::int, input_tokens::int, cost::float8 FROM ${table} ORDER BY model, currency`,
  );

describe('a batch of usage', () => {
  it('is added once, however often it is sent', async () => {
    const database = await databaseForTest();
    const table = await tableOf(database);
    await table.add(1, batch(10, ['a'], { cost: 0.1 }));
    await table.add(1, batch(10, ['a'], { cost: 0.1 }));
    await table.add(2, batch(5, ['a'], { cost: 0.2 }));
    await table.add(1, batch(10, ['a'], { cost: 0.1 }));
    for (const name of TABLES)
      expect(await sumsIn(database, name)).toEqual([
        { model: 'a', requests: 2, input_tokens: 15, cost: 0.3 },
      ]);
  });

  it('has a row for each currency, and none for a price that there was not', async () => {
    const database = await databaseForTest();
    const table = await tableOf(database);
    await table.add(1, [...batch(1, ['a']), ...batch(2, ['a'], { cost: 1 })]);
    expect(await sumsIn(database, 'usage_daily')).toEqual([
      { model: 'a', requests: 1, input_tokens: 1, cost: null },
      { model: 'a', requests: 1, input_tokens: 2, cost: 1 },
    ]);
  });

  it('waits for no other in a circle: replicas add the same rows at once, each in its own order', async () => {
    const database = await databaseForTest();
    const tables = await Promise.all([1, 2, 3, 4].map(() => tableOf(database)));
    const models = Array.from({ length: 200 }, (_, at) => `m${at}`);
    await Promise.all(
      tables.map(async (table, at) => {
        const own = at % 2 === 0 ? models : models.toReversed();
        for (let sequence = 1; sequence <= 10; sequence++) await table.add(sequence, batch(1, own));
      }),
    );
    for (const name of TABLES) {
      const rows = await sumsIn(database, name);
      expect(rows).toHaveLength(200);
      expect(new Set(rows.map((row) => row['input_tokens']))).toEqual(new Set([40]));
    }
  });

  it('of more than 400 days ago is deleted, and its replica forgotten after 30 days', async () => {
    const database = await databaseForTest();
    const table = await tableOf(database);
    await table.add(1, batch(1, ['a', 'b']));
    for (const name of TABLES) {
      const time = name.endsWith('hour') || name === 'usage_hourly' ? 'hour' : 'day';
      await database.query(`UPDATE ${name} SET ${time} = now() - interval '402 days' WHERE model = 'a'`);
    }
    await database.query(`UPDATE usage_batch SET at = now() - interval '31 days'`);
    await table.purge();
    for (const name of TABLES) expect(await sumsIn(database, name)).toMatchObject([{ model: 'b' }]);
    expect(await database.query('SELECT FROM usage_batch')).toEqual([]);
  });
});
