import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Nginx } from '../../bench/drills/nginx.js';
import { ChangeStreams } from '../../src/overview/change-streams.js';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { serviceForTest, startService, type TestService } from '../service.js';
import { until, within } from '../until.js';
import { followStream } from './event-stream.js';

const ROOT_KEY = 'the-first-admin-key';
const root = { authorization: `Bearer ${ROOT_KEY}`, 'content-type': 'application/json' };
const PATH = '/api/v1/changes';
const NGINX = '/usr/sbin/nginx';

let service: TestService;
beforeAll(async () => {
  // So long that no change arrives by polling.
  service = await startService({
    DATABASE: 'embedded',
    ADMIN_API_KEY: ROOT_KEY,
    UPSTREAM_ALLOW_CIDRS: '127.0.0.0/8',
    tuning: { registry: { resyncMs: 3_600_000 } },
  });
});
afterAll(() => service.stop());

const follow = (headers: Record<string, string> = root) => followStream(service.url + PATH, headers);
const send = (method: string, path: string, body?: unknown) =>
  fetch(service.url + path, {
    method,
    headers: root,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

async function keyOf(role: string): Promise<{ readonly id: string; readonly key: string }> {
  const made = await service.post('/api/v1/keys', { name: `${role} ${Math.random()}`, role }, root);
  return made.json as { id: string; key: string };
}

async function registered() {
  const worker = aWorker(await upstreamForTest(json({ answer: 'fine' })));
  await service.post('/api/server/register', worker, root);
  const get = (path: string) => service.get(path, root);
  const [view] = await viewsOf({ get }, worker.model_name);
  return { model: worker.model_name, id: view?.id ?? '' };
}

describe('the stream of changes', () => {
  it('announces workers, models, keys and teams that the API or psql changed, within a second', async () => {
    const { model, id } = await registered();
    const { response, events } = await follow();
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('cache-control')).toContain('no-transform');
    const seen = async (event: string, data: object) => {
      await expect
        .poll(() => events, within(1_000))
        .toContainEqual({ event, id: expect.any(Number), data: expect.objectContaining(data) });
    };

    await send('PATCH', `/api/v1/workers/${id}`, { weight: 2 });
    await seen('worker', { id, model_name: model, generation: 2 });
    await service.database.query(`UPDATE worker SET admin_state = 'offline' WHERE id = $1`, [id]);
    await seen('worker', { id, generation: null });
    await send('PUT', `/api/v1/models/${model}`, { retries: 1 });
    await seen('model', { id: model, model_name: model, generation: 1 });
    const { id: keyId } = await keyOf('viewer');
    await seen('key', { id: keyId, model_name: null, generation: null });
    await send('PUT', '/api/v1/teams/a%20team', {});
    await seen('team', { id: 'a team' });

    const ids = events.map((event) => event.id);
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
  });

  it('says once that many workers changed', async () => {
    const { events } = await follow();
    const insert = `INSERT INTO worker (model_name, req_url_template, body, response_extract, admin_state)
      SELECT 'many', 'http://127.0.0.1:1/' || n, '{}', 'x', 'disabled' FROM generate_series(1, 600) AS n`;
    await service.database.query(insert);
    await expect
      .poll(() => events.filter(({ event }) => event === 'worker'), within(1_000))
      .toContainEqual(expect.objectContaining({ data: { id: null, model_name: null, generation: null } }));
    expect(events.filter(({ event }) => event === 'worker').length).toBeLessThan(10);
    await service.database.query(`DELETE FROM worker WHERE model_name = 'many'`);
  });

  it('gives a role what it may read, and ends when the key is revoked', async () => {
    const operator = await keyOf('operator');
    const { events, ended } = await follow({ authorization: `Bearer ${operator.key}` });
    await send('DELETE', `/api/v1/keys/${(await keyOf('viewer')).id}`);
    await send('PUT', '/api/v1/teams/last', {});
    await until(() => events.some(({ event }) => event === 'team'));
    expect(events.map(({ event }) => event)).not.toContain('key');
    await send('DELETE', `/api/v1/keys/${operator.id}`);
    await ended;

    const { key } = await keyOf('inference');
    expect((await fetch(service.url + PATH, { headers: { authorization: `Bearer ${key}` } })).status).toBe(
      403,
    );
  });

  it.skipIf(!existsSync(NGINX))(
    'passes a real nginx as it comes, with its defaults, and announces a job from its beginning to its end',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'mmm-nginx-'));
      const nginx = await Nginx.start(NGINX, folder, [service.url], '');
      onTestFinished(async () => {
        await nginx.stop();
        rmSync(folder, { recursive: true, force: true });
      });
      const answers: (() => void)[] = [];
      const upstream = await upstreamForTest((response) => {
        answers.push(() => response.end('{"url": "https://cdn.example/cat.png"}'));
      });
      const model = 'painter behind nginx';
      const worker = { model_name: model, task: 'image', response_extract: 'url' };
      await service.post('/api/server/register', aWorker(upstream, worker), root);
      const { response, events } = await followStream(nginx.url + PATH, root);
      expect([response.status, response.headers.get('server')]).toEqual([
        200,
        expect.stringContaining('nginx'),
      ]);

      const made = await fetch(`${nginx.url}/api/v1/jobs`, {
        method: 'POST',
        headers: root,
        body: JSON.stringify({ model, prompt: 'a cat' }),
      });
      const { id } = (await made.json()) as { id: string };
      const job = await followStream(`${nginx.url}/api/v1/jobs/${id}/events`, root);
      // The stream goes on while nothing of it has ended.
      await until(() => job.events.some(({ data }) => data['status'] === 'running') && answers.length > 0);
      const announced = () => events.filter(({ event, data }) => event === 'job' && data['id'] === id).length;
      await until(() => announced() > 0);
      const before = announced();
      answers[0]?.();
      await job.ended;
      expect(job.events.at(-1)?.data).toMatchObject({ id, status: 'succeeded' });
      await until(() => announced() > before);
      await until(() => events.some(({ event }) => event === 'overview'));
    },
  );

  it('is refused to more clients than a replica can serve', async () => {
    const streams = [];
    for (let opened = 0; opened < 256; opened++)
      streams.push(await fetch(service.url + PATH, { headers: root }));
    const refused = await service.get(PATH, root);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
    for (const { body } of streams) await body?.cancel();
    await until(async () => {
      const { response, close } = await follow();
      close();
      return response.status === 200;
    });
  });
});

it('the stream of changes ends at a drain, and so does one that is opened after it', async () => {
  const draining = await serviceForTest();
  const before = await followStream(draining.url + PATH);
  draining.app.get(ChangeStreams).end();
  await before.ended;
  const after = await fetch(draining.url + PATH);
  expect([after.status, await after.text()]).toEqual([200, 'retry: 1000\n\n']);
});
