import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { urlIs } from '../../src/registry/worker-queries.js';
import { databaseForTest } from '../database.js';

const insert = (name: string) =>
  `INSERT INTO worker (model_name, req_url_template, name) VALUES ('m', $1, '${name}') ON CONFLICT DO NOTHING RETURNING id`;

it.each([
  ['with backslashes', 'http://h/\\x41?a=\\'],
  ['of other scripts', 'http://h/é/模型/🙂'],
  ['of 2,000 characters', `http://h/${'x'.repeat(2_000)}`],
])('a model, a URL and a name are one worker, and the index finds it: a URL %s', async (_what, url) => {
  const database = await databaseForTest();
  expect(await database.query(insert(''), [url])).toHaveLength(1);
  expect(await database.query(insert(''), [url])).toHaveLength(0);
  expect(await database.query(insert('second'), [url])).toHaveLength(1);
  expect(await database.query(insert(''), [`${url}x`])).toHaveLength(1);
  const lookup = `SELECT FROM worker WHERE model_name = 'm' AND ${urlIs('$1')} AND name = ''`;
  expect(await database.query(lookup, [url])).toHaveLength(1);
  // The lookup of the release before.
  expect(
    await database.query(
      `SELECT FROM worker WHERE model_name = 'm' AND md5(req_url_template) = md5($1) AND req_url_template = $1`,
      [url],
    ),
  ).toHaveLength(2);
});

it('the lookup of a worker by its key reads one entry of the index', async () => {
  const database = await databaseForTest();
  await database.query(
    `INSERT INTO worker (model_name, req_url_template) SELECT 'm', 'http://h/' || n FROM generate_series(1, 2000) n`,
  );
  await database.query('ANALYZE worker');
  const plan = await database.query<{ 'QUERY PLAN': string }>(
    `EXPLAIN SELECT FROM worker WHERE model_name = 'm' AND ${urlIs(`'http://h/7'`)} AND name = ''`,
  );
  const text = plan.map((line) => line['QUERY PLAN']).join('\n');
  expect(text).toMatch(/Index Scan using worker_natural_key/);
  expect(text).toMatch(/Index Cond: .*sha256/);
});

it('neither the schema nor the service calls md5(), which a PostgreSQL in FIPS mode refuses', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const files = [...sources.map((file) => join('src', file)), 'migrations/schema.sql'];
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => /\bmd5\s*\(/i.test(readFileSync(file, 'utf8')))).toEqual([]);
});
