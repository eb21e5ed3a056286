import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aWorker } from '../fixtures/worker.js';
import { startService, type TestService } from '../service.js';
import { call, list, type WorkerJson } from './client.js';

let service: TestService;
const ids = new Map<string, string>();
const idOf = (name: string) => ids.get(name) ?? '';
const namesOf = (workers: readonly WorkerJson[]) => workers.map((worker) => worker['name']);

beforeAll(async () => {
  // Nothing is probed while the states below are looked at.
  service = await startService({ HEALTH_INTERVAL_MS: '3600000', tuning: { health: { tickMs: 3_600_000 } } });
  for (const [name, more] of [
    ['fine', { owner: 'Blue_Team' }],
    ['sick', {}],
    ['shaky', {}],
    ['thrown out', {}],
    ['switched off', {}],
    ['gone', {}],
  ] as const) {
    const made = await call(
      service,
      'POST',
      '',
      aWorker({ url: 'http://127.0.0.1:9' }, { model_name: 'one', name, ...more }),
    );
    ids.set(name, made.worker.id);
  }
  await service.database.query(`UPDATE worker SET health = 'healthy' WHERE name <> 'sick'`);
  await service.database.query(`UPDATE worker SET health = 'unhealthy' WHERE name IN ('sick', 'gone')`);
  await service.database.query(`UPDATE worker SET health = 'suspect' WHERE name = 'shaky'`);
  await service.database.query(
    `INSERT INTO worker_trouble (worker_id, replica_id, generation, state, cause, since, until)
     SELECT w.id, r.id, w.generation, 'ejected', 'five failures in a row', now(), now() + interval '1 hour'
     FROM worker w, replica r WHERE w.name = 'thrown out'`,
  );
  await call(service, 'POST', `/${idOf('switched off')}/disable`);
  await call(service, 'POST', `/${idOf('gone')}/offline`);
});
afterAll(() => service.stop());

/** The figures of a worker without requests. */
const IDLE = { running: 0, requests_1h: 0, share_1h: null, failed_1h: 0, ttft_p50_ms: null };

describe('GET /api/v1/workers', () => {
  it('lists workers in trouble first with sort=sick, across pages', async () => {
    const all = ['sick', 'thrown out', 'shaky', 'fine', 'switched off', 'gone'];
    expect(namesOf((await list(service, '?sort=sick')).data)).toEqual(all);
    const first = await list(service, '?sort=sick&limit=4');
    const second = await list(service, `?sort=sick&limit=4&cursor=${first.next_cursor}`);
    expect(namesOf([...first.data, ...second.data])).toEqual(all);
  });

  it('filters by the state in force, by ejection and by a part of a name', async () => {
    for (const [query, names] of [
      ['state=healthy', ['fine']],
      ['state=unhealthy&state=suspect', ['sick', 'shaky']],
      ['state=ejected', ['thrown out']],
      ['ejected=true', ['thrown out']],
      ['ejected=false&state=healthy', ['fine']],
      ['state=disabled', ['switched off']],
      ['state=offline', ['gone']],
      ['q=thrown', ['thrown out']],
      ['q=blue_', ['fine']],
      ['q=%25', []],
      [`q=${idOf('sick').slice(0, 13).toUpperCase()}`, ['sick']],
      ['q=127.0.0.1:9&state=suspect', ['shaky']],
    ] as const)
      expect([query, namesOf((await list(service, `?${query}`)).data)]).toEqual([query, names]);
    const { status, fields } = await call(service, 'GET', '?state=well&include=all&ejected=yes');
    expect([status, fields.toSorted()]).toEqual([400, ['ejected', 'include', 'state']]);
  });

  it('shows with include=figures what the history and all replicas know', async () => {
    const { data } = await list(service, '?include=figures&sort=sick');
    const figures = new Map(data.map(({ name, figures: each }) => [name, each]));
    expect(figures.get('sick')).toEqual({
      strip: expect.stringMatching(/^n14[23] u[12]$/) as unknown,
      ejected: null,
      ...IDLE,
    });
    // Off in a part of the ten minutes only.
    expect(figures.get('switched off')).toEqual({
      strip: expect.stringMatching(/^n14[23] h[12]$/) as unknown,
      ejected: null,
      ...IDLE,
    });
    expect(figures.get('thrown out')).toEqual({
      strip: expect.stringMatching(/h[12]$/) as unknown,
      ejected: {
        until: expect.any(String) as unknown,
        by: 1,
        of: 1,
        reason: 'five failures in a row',
      },
      ...IDLE,
    });
    expect((await list(service)).data[0]).not.toHaveProperty('figures');
  });

  it('draws the strip from the events of 24 hours, changes by hand too', async () => {
    const id = idOf('fine');
    await service.database.query(`UPDATE worker SET created_at = now() - interval '9 days' WHERE id = $1`, [
      id,
    ]);
    for (const health of ['unhealthy', 'healthy', 'warming', 'healthy'])
      await service.database.query(`UPDATE worker SET health = $2 WHERE id = $1`, [id, health]);
    const events = await service.database.query(
      `SELECT id FROM event WHERE subject_id = $1 AND after ? 'health' ORDER BY id DESC LIMIT 4`,
      [id],
    );
    // Ten cells ago it became unhealthy, eight cells ago healthy, and two cells ago it was warming for a moment.
    for (const [index, cellsAgo] of [2, 2, 8, 10].entries())
      await service.database.query(
        `UPDATE event SET at = to_timestamp(floor(extract(epoch FROM now()) / 600) * 600 + 300) - make_interval(mins => 10 * $2) WHERE id = $1`,
        [(events[index] as { id: string }).id, cellsAgo],
      );
    await service.database.query(
      `UPDATE event SET at = now() - interval '2 days' WHERE subject_id = $1 AND id < $2`,
      [id, (events[3] as { id: string }).id],
    );
    const { data } = await list(service, '?include=figures&q=fine');
    expect(data[0]?.['figures']).toMatchObject({
      strip: expect.stringMatching(/^h13[23] u3 h5 w1 h[23]$/) as unknown,
    });
  });
});

describe('GET /api/v1/workers/{id}', () => {
  it('shows the probes of a worker, and how each replica sees it', async () => {
    const { status, worker } = await call(service, 'GET', `/${idOf('thrown out')}`);
    expect([status, worker['probe'], worker['replicas']]).toEqual([
      200,
      expect.objectContaining({ last_ok: null, last_detail: '', failures_in_row: 0 }),
      [
        {
          host: expect.any(String) as unknown,
          seen_at: expect.any(String) as unknown,
          running: 0,
          ejected_until: expect.any(String) as unknown,
          ejected_reason: 'five failures in a row',
          last_error: null,
        },
      ],
    ]);
    expect(worker['figures']).toMatchObject({ strip: expect.stringMatching(/h1$/) as unknown });
  });
});

describe('the switches', () => {
  it('note why, for the history, and take no body, too', async () => {
    const path = `/${idOf('shaky')}`;
    expect((await call(service, 'POST', `${path}/disable`, { note: 'GPU 3 is replaced' })).status).toBe(200);
    expect((await call(service, 'POST', `${path}/enable`)).status).toBe(200);
    const events = await service.get(`/api/v1/events?worker_id=${idOf('shaky')}&limit=2`);
    expect(events.json).toMatchObject({
      data: [
        { kind: 'enabled', note: '', after: { admin_state: 'enabled' } },
        { kind: 'disabled', note: 'GPU 3 is replaced', actor: 'root', via: 'api' },
      ],
    });
    const bad = await call(service, 'POST', `${path}/disable`, { note: 7, why: 'x' });
    expect([bad.status, bad.fields.toSorted()]).toEqual([400, ['note', 'why']]);
  });

  it('take many workers at once, and say of each whether it is done', async () => {
    const missing = '00000000-0000-4000-8000-000000000000';
    const chosen = [idOf('fine'), missing, idOf('sick'), idOf('fine')];
    const done = (await call(service, 'POST', '/bulk', { ids: chosen, do: 'disable', note: 'night' })).json;
    expect(done).toEqual({
      data: [
        { id: idOf('fine'), ok: true, problem: null },
        { id: missing, ok: false, problem: expect.any(String) as unknown },
        { id: idOf('sick'), ok: true, problem: null },
      ],
    });
    expect(namesOf((await list(service, '?state=disabled')).data)).toEqual(['fine', 'sick', 'switched off']);
    const { model_name } = (await list(service, '?q=fine')).data[0] ?? { model_name: '' };
    const all = (await call(service, 'POST', '/bulk', { model_name, do: 'enable' })).json as {
      data: object[];
    };
    // The one that is offline stays so.
    expect(all.data).toHaveLength(5);
    expect((await list(service, '?admin_state=enabled')).data).toHaveLength(5);
    const [probed] = (
      (await call(service, 'POST', '/bulk', { ids: [idOf('sick')], do: 'probe' })).json as { data: object[] }
    ).data;
    expect(probed).toEqual({ id: idOf('sick'), ok: false, problem: expect.any(String) as unknown });
    for (const body of [
      { do: 'enable' },
      { ids: chosen, model_name, do: 'enable' },
      { ids: ['x'], do: 'stop' },
    ])
      expect((await call(service, 'POST', '/bulk', body)).status).toBe(400);
  });
});
