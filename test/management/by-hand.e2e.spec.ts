import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { databaseForTest } from '../database.js';
import { aWorker, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { serviceForTest, startService, type TestService } from '../service.js';
import { PATIENT_MS, until } from '../until.js';

/** So long that no change can arrive by polling. */
const NO_POLLING = { tuning: { registry: { resyncMs: 3_600_000 } } };

let service: TestService;
beforeAll(async () => {
  service = await startService(NO_POLLING);
});
afterAll(() => service.stop());

async function registered() {
  const upstream = await upstreamForTest(json({ answer: 'fine' }));
  const worker = aWorker(upstream);
  await service.register(worker);
  return { upstream, model: worker.model_name };
}

const sql = (text: string, ...values: readonly unknown[]) => service.database.query(text, values);
const statusOf = async (model: string) => (await service.chat(model, 'x')).status;
/** A change takes effect within a second; a busy machine gets more. */
const SOON = { timeout: PATIENT_MS };
const viewOf = async (model: string) => (await viewsOf(service, model))[0];

describe('a change in SQL', () => {
  it.each(['disabled', 'draining'])('of the admin state to %s, and back, takes effect', async (state) => {
    const { model } = await registered();
    await sql('UPDATE worker SET admin_state = $1 WHERE model_name = $2', state, model);
    await expect.poll(() => statusOf(model), SOON).toBe(503);
    await sql(`UPDATE worker SET admin_state = 'enabled' WHERE model_name = $1`, model);
    await expect.poll(() => statusOf(model), SOON).toBe(200);
  });

  it('to offline removes the worker', async () => {
    const { model } = await registered();
    await sql(`UPDATE worker SET admin_state = 'offline' WHERE model_name = $1`, model);
    await expect.poll(() => statusOf(model), SOON).toBe(404);
    expect(await viewOf(model)).toBeUndefined();
  });

  it('that inserts a worker makes it callable', async () => {
    const upstream = await upstreamForTest(json({ answer: 'by hand' }));
    await sql(
      `INSERT INTO worker (model_name, req_url_template, body, response_extract)
       VALUES ('hand-made', $1, '{"p": "{USER_PROMPT}"}', 'answer')`,
      `${upstream.url}/x`,
    );
    await expect.poll(() => statusOf('hand-made'), SOON).toBe(200);
    expect((await service.chat('hand-made', 'x')).json).toMatchObject({ result: 'by hand' });
    await until(async () => (await viewOf('hand-made'))?.health === 'healthy');
  });

  it('that deletes a worker removes it', async () => {
    const { model } = await registered();
    await sql('DELETE FROM worker WHERE model_name = $1', model);
    await expect.poll(() => statusOf(model), SOON).toBe(404);
  });

  it('of body or response_extract applies to the next call', async () => {
    const { model, upstream } = await registered();
    await sql(`UPDATE worker SET body = '{"other": "{USER_PROMPT}"}' WHERE model_name = $1`, model);
    const nextCall = async () => {
      await service.chat(model, 'x');
      return upstream.requests.at(-1)?.body;
    };
    await expect.poll(nextCall, SOON).toBe('{"other":"x"}');
  });

  const INVALID = [
    ['response_extract', `'a['`, 'response_extract: column 3'],
    ['body', `'5'`, 'body: must be an object'],
    ['body', `'{"no": "prompt"}'`, '{USER_PROMPT}'],
    ['header', `'{"bad name": "x"}'`, 'header["bad name"]'],
    ['header', `'[1, {"a": 2}]'`, 'header'],
    ['req_param', `'"text"'`, 'req_param'],
    ['success_when', `'{"equals": 1}'`, 'success_when'],
    ['success_when', `'7'`, 'success_when'],
    ['defaults', `'[]'`, 'defaults'],
    ['defaults', `'{"temperature": "hot"}'`, 'defaults'],
    ['req_url_template', `'http://169.254.169.254/latest'`, '169.254.169.254'],
    ['req_url_template', `'http://{USER_PROMPT}/'`, 'req_url_template'],
    ['sealed_header', `'v1.test.nonsense'`, 'credentials missing'],
    ['health_check', `'{"kind": "telepathy"}'`, 'health_check'],
    ['health_check', `'[]'`, 'health_check'],
  ] as const;
  it('to an invalid definition makes the worker unhealthy with the reason, and affects no other', async () => {
    const other = await registered();
    const cases = await Promise.all(
      INVALID.map(async ([column, value, why]) => {
        const { model } = await registered();
        await sql(`UPDATE worker SET ${column} = ${value} WHERE model_name = $1`, model);
        return { model, why };
      }),
    );
    for (const { model, why } of cases) {
      await expect.poll(async () => (await viewOf(model))?.health, SOON).toBe('unhealthy');
      expect((await viewOf(model))?.health_reason).toContain(why);
      expect(await statusOf(model)).toBe(503);
    }
    expect(await statusOf(other.model)).toBe(200);
    expect((await service.get('/readyz')).status).toBe(200);
  });

  it('is in the history with its actor and columns, like changes through the API', async () => {
    const { model } = await registered();
    await sql(`UPDATE worker SET weight = 9, owner = 'dba' WHERE model_name = $1`, model);
    await sql(`UPDATE worker SET admin_state = 'disabled' WHERE model_name = $1`, model);
    await sql('DELETE FROM worker WHERE model_name = $1', model);
    const [me] = await service.database.query<{ name: string }>(`SELECT 'psql:' || session_user AS name`);
    const events = await service.database.query<{ kind: string; detail: string; actor: string; at: Date }>(
      'SELECT kind, note AS detail, actor, at FROM event WHERE subject_name = $1 ORDER BY id',
      [model],
    );
    const recorded = events
      .filter(({ kind }) => kind !== 'healthy' && kind !== 'unknown')
      .map(({ kind, detail, actor }) => ({ kind, detail, actor }));
    expect(recorded).toEqual([
      { kind: 'registered', detail: '', actor: 'root' },
      { kind: 'changed', detail: 'owner, weight', actor: me?.name },
      { kind: 'disabled', detail: '', actor: me?.name },
      { kind: 'deleted', detail: '', actor: me?.name },
    ]);
    expect(events.every(({ at }) => Math.abs(Date.now() - at.getTime()) < 3_600_000)).toBe(true);
  });
});

describe('two replicas on one database', () => {
  it('find a model that the other registered a moment ago, and lose a model that the other took offline', async () => {
    const database = await databaseForTest();
    const [one, two] = await Promise.all([
      serviceForTest(NO_POLLING, database),
      serviceForTest(NO_POLLING, database),
    ]);
    const upstream = await upstreamForTest(json({ answer: 'x' }));
    for (let round = 0; round < 5; round++) {
      const worker = aWorker(upstream);
      expect((await one.register(worker)).status).toBe(200);
      expect((await two.chat(worker.model_name, 'x')).status).toBe(200);
      const { model_name, req_url_template } = worker;
      expect((await two.post('/api/server/offline', { model_name, req_url_template })).status).toBe(200);
      await until(async () => (await one.chat(model_name, 'x')).status === 404);
    }
  });
});
