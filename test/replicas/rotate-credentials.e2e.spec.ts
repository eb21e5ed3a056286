import { expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { databaseForTest } from '../database.js';
import { aWorker, upstreamForTest } from '../fixtures/worker.js';
import { databaseSettings, ROOT, startProcess } from '../process.js';
import { serviceForTest, startService } from '../service.js';

const key = (id: string, byte: number) => `${id}:${Buffer.alloc(32, byte).toString('base64')}`;
const [OLD, NEW] = [key('k1', 1), key('k2', 2)];
const COMMAND = [process.execPath, `${ROOT}/dist/src/replicas/commands/rotate-credentials.js`] as const;

it('credentials are sealed under the first key while a replica serves, and the command says when the former one can go', async () => {
  const database = await databaseForTest();
  const upstream = await upstreamForTest(json({ answer: 'hello' }));
  const former = await startService({ CREDENTIALS_KEYS: OLD }, database);
  const workers = [1, 2, 3].map((n) => ({
    ...aWorker(upstream),
    model_name: 'm',
    name: `w${n}`,
    header: { authorization: `Bearer secret-${n}` },
  }));
  for (const worker of workers) expect((await former.register(worker)).status).toBe(200);
  await former.stop();
  // A replica does the same by itself, after 15 s.
  const serving = await serviceForTest(
    { CREDENTIALS_KEYS: `${NEW},${OLD}`, tuning: { replicas: { sealAnewMs: 600_000 } } },
    database,
  );
  const run = async (keys: string) => {
    const command = startProcess(
      { ...databaseSettings(database.address), CREDENTIALS_KEYS: keys },
      { command: [...COMMAND] },
    );
    const { code } = await command.exited;
    return { code, stdout: command.stdout, stderr: command.stderr };
  };
  const underFormer = async () =>
    (
      await database.query<{ n: number }>(
        `SELECT count(*)::integer AS n FROM worker WHERE sealed_header LIKE 'v1.k1.%'`,
      )
    )[0]?.n;

  // A replica without the new key could not read what is sealed under it.
  const other = await run(`${NEW},${OLD},${key('k3', 3)}`);
  expect(other).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining('other CREDENTIALS_KEYS') as unknown,
  });
  expect(await underFormer()).toBe(3);

  const statuses = new Set<number>();
  const stop = new AbortController();
  const caller = (async () => {
    while (!stop.signal.aborted) statuses.add((await serving.chat('m', 'x')).status);
  })();
  const rotated = await run(`${NEW},${OLD}`);
  stop.abort();
  await caller;
  expect(rotated).toMatchObject({ code: 0, stderr: '' });
  expect(rotated.stdout).toMatch(
    /3 worker\(s\) under the key "k2"\nno credential is sealed under another key/,
  );
  expect(await underFormer()).toBe(0);
  expect([...statuses]).toEqual([200]);
  expect(upstream.requests.at(-1)?.headers['authorization']).toMatch(/^Bearer secret-\d$/);

  expect((await run(`${NEW},${OLD}`)).stdout).toContain('0 worker(s)');
  await database.query(
    `UPDATE worker SET sealed_header = replace(sealed_header, 'v1.k2.', 'v1.k0.') WHERE name = 'w2'`,
  );
  const lost = await run(`${NEW},${OLD}`);
  expect([lost.code, lost.stderr]).toEqual([
    1,
    expect.stringContaining('1 worker(s) under the key "k0"') as unknown,
  ]);
  const none = startProcess({ DATABASE_URL: 'postgres://127.0.0.1:1/x' }, { command: [...COMMAND] });
  expect([(await none.exited).code, none.stderr]).toEqual([
    1,
    expect.stringContaining('CREDENTIALS_KEYS is not set') as unknown,
  ]);
});
