import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../fakes/fake-upstream.js';
import { aWorker, upstreamForTest, viewsOf } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';

let service: TestService;
beforeAll(async () => {
  // So long that no change can arrive by polling.
  service = await startService({ tuning: { registry: { resyncMs: 3_600_000 } } });
});
afterAll(() => service.stop());

interface ShownEvent {
  readonly id: string;
  readonly kind: string;
  readonly [field: string]: unknown;
}

async function send(method: string, path: string, body?: unknown) {
  const response = await fetch(service.url + path, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: (text === '' ? undefined : JSON.parse(text)) as unknown };
}

async function events(query: string): Promise<ShownEvent[]> {
  const { status, json: page } = await service.get(`/api/v1/events?${query}`);
  expect([status, page]).toMatchObject([200, { data: expect.any(Array) }]);
  return (page as { data: ShownEvent[] }).data;
}
const undo = (id: string, force = '') => send('POST', `/api/v1/events/${id}/undo${force}`);

async function registered(more: Readonly<Record<string, unknown>> = {}) {
  const upstream = await upstreamForTest(json({ answer: 'fine' }));
  const worker = aWorker(upstream, more);
  expect((await service.register(worker)).status).toBe(200);
  const [view] = await viewsOf(service, worker.model_name);
  return { upstream, model: worker.model_name, id: view?.id ?? '' };
}

describe('the history in the API', () => {
  it('shows old and new values of a change, and takes it back at once', async () => {
    const { id, model, upstream } = await registered({
      name: 'gpu-1',
      header: { authorization: 'Bearer one' },
    });
    const patch = { weight: 3, response_extract: 'other', header: { authorization: 'Bearer two' } };
    expect((await send('PATCH', `/api/v1/workers/${id}`, patch)).status).toBe(200);
    const [changed] = await events(`model_name=${model}&kind=changed`);
    expect(changed).toMatchObject({
      subject: 'worker',
      subject_id: id,
      subject_name: model,
      worker_name: 'gpu-1',
      actor: 'root',
      via: 'api',
      before: { weight: 1, response_extract: 'answer', sealed_header: '<sealed>' },
      after: { weight: 3, response_extract: 'other', sealed_header: '<sealed>' },
      undoes: null,
      generation: 2,
    });
    const undone = await undo(changed?.id ?? '');
    expect([undone.status, undone.json]).toMatchObject([
      200,
      { kind: 'changed', undoes: changed?.id, after: { weight: 1 }, generation: 3 },
    ]);
    expect((await service.chat(model, 'x')).json).toMatchObject({ result: 'fine' });
    expect(upstream.requests.at(-1)?.headers['authorization']).toBe('Bearer one');
  });

  it('brings a deleted worker back with its id and its credentials', async () => {
    const { id, model, upstream } = await registered({ header: { authorization: 'Bearer one' } });
    expect((await send('DELETE', `/api/v1/workers/${id}`)).status).toBe(204);
    expect((await service.chat(model, 'x')).status).toBe(404);
    const [deleted] = await events(`worker_id=${id}&kind=deleted`);
    expect((await undo(deleted?.id ?? '')).json).toMatchObject({ kind: 'restored', subject_id: id });
    expect((await service.chat(model, 'x')).status).toBe(200);
    expect(upstream.requests.at(-1)?.headers['authorization']).toBe('Bearer one');
    expect(await undo(deleted?.id ?? '')).toMatchObject({
      status: 409,
      json: { error: { message: expect.stringContaining(`worker ${id} exists`) } },
    });
  });

  it('keeps the history of a policy, and takes its changes and its deletion back', async () => {
    const path = '/api/v1/models/history/of%20policies';
    const name = 'history/of policies';
    await send('PUT', path, { retries: 1, fallbacks: ['b'] });
    await send('PUT', path, { retries: 4, queue: { max: 5 } });
    await send('DELETE', path);
    const history = await events(`subject=model&model_name=${encodeURIComponent(name)}`);
    expect(history.map(({ kind, actor, before, after }) => ({ kind, actor, before, after }))).toEqual([
      { kind: 'deleted', actor: 'root', before: { retries: 4, queue_max: 5 }, after: null },
      {
        kind: 'changed',
        actor: 'root',
        before: { retries: 1, fallbacks: ['b'], queue_max: null },
        after: { retries: 4, fallbacks: [], queue_max: 5 },
      },
      { kind: 'created', actor: 'root', before: null, after: { retries: 1, fallbacks: ['b'] } },
    ]);
    for (const { id } of history.slice(0, 2)) expect((await undo(id)).status).toBe(200);
    expect((await service.get(path)).json).toMatchObject({
      retries: 1,
      fallbacks: ['b'],
      queue: { max: null },
      generation: 4,
    });
  });

  it('is filtered by actor, time and subject, page by page', async () => {
    const { id, model } = await registered();
    await service.database.query(
      `BEGIN; SET LOCAL mmm.actor = 'alice'; UPDATE worker SET weight = 2 WHERE id = '${id}'; COMMIT`,
    );
    const [mine] = await events(`worker_id=${id}&via=psql`);
    const role = String(mine?.['role']);
    expect(mine).toMatchObject({ actor: `psql:${role}/alice`, before: { weight: 1 } });
    expect((await events(`worker_id=${id}&actor=psql:${role}`)).map((event) => event.id)).toEqual([mine?.id]);
    expect(await events(`worker_id=${id}&actor=psql:${role}/al`)).toEqual([]);
    expect(await events(`worker_id=${id}&subject=model`)).toEqual([]);
    const at = encodeURIComponent(String(mine?.['at']));
    expect((await events(`worker_id=${id}&since=${at}`)).at(-1)?.id).toBe(mine?.id);
    expect((await events(`worker_id=${id}&until=${at}`))[0]?.id).not.toBe(mine?.id);
    expect(await events('since=2999-01-01')).toEqual([]);
    const page = (await service.get(`/api/v1/events?model_name=${model}&limit=1`)).json as {
      next_cursor: string;
    };
    const rest = await events(`model_name=${model}&cursor=${page.next_cursor}`);
    expect(rest.at(-1)).toMatchObject({ kind: 'registered' });
  });

  it('refuses what cannot be taken back, with the reason', async () => {
    const { id } = await registered();
    await send('PATCH', `/api/v1/workers/${id}`, { weight: 2 });
    await send('PATCH', `/api/v1/workers/${id}`, { weight: 3 });
    const [, first] = await events(`worker_id=${id}&kind=changed`);
    expect(await undo(first?.id ?? '')).toMatchObject({
      status: 409,
      json: { error: { message: expect.stringContaining(`weight of worker ${id} was changed since`) } },
    });
    expect(await undo(first?.id ?? '', '?force=true')).toMatchObject({
      status: 200,
      json: { before: { weight: 3 }, after: { weight: 1 } },
    });
    expect((await undo('999999999999')).status).toBe(404);
    expect((await undo('x')).status).toBe(404);
    expect((await undo(first?.id ?? '', '?force=maybe')).status).toBe(400);
    for (const query of ['since=yesterday', 'since=2026-13-45', 'kind=eaten', 'subject=door', 'worker_id=1'])
      expect([query, (await service.get(`/api/v1/events?${query}`)).status]).toEqual([query, 400]);
  });
});
