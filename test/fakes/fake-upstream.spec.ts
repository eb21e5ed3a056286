import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  FakeUpstream,
  inTurn,
  json,
  slow,
  startFakeUpstream,
  text,
  type Behaviour,
} from './fake-upstream.js';
import { faultNames } from './upstream-faults.js';
import { PATIENT_MS } from '../until.js';

const started: FakeUpstream[] = [];
const start = async (behaviour?: Behaviour): Promise<FakeUpstream> => {
  const upstream = await startFakeUpstream(behaviour);
  started.push(upstream);
  return upstream;
};
afterEach(async () => {
  await Promise.all(started.splice(0).map((upstream) => upstream.close()));
});

describe('a fake upstream', () => {
  it('records each request and echoes it', async () => {
    const upstream = await start();
    const answer = await fetch(`${upstream.url}/a?b=c`, {
      method: 'POST',
      headers: { 'x-d': 'e' },
      body: 'f',
    });
    expect(await answer.json()).toMatchObject({ method: 'POST', url: '/a?b=c', body: 'f' });
    expect(upstream.requests[0]?.headers['x-d']).toBe('e');
    expect(upstream.calls).toBe(1);
  });

  it('changes its behaviour while it runs and can give different answers in turn', async () => {
    const upstream = await start(json({ n: 1 }, 503));
    expect((await fetch(upstream.url)).status).toBe(503);
    upstream.behave(inTurn(text('first'), text('then')));
    const bodies = [];
    for (const path of ['/1', '/2', '/3']) bodies.push(await (await fetch(upstream.url + path)).text());
    expect(bodies).toEqual(['first', 'then', 'then']);
  });

  it('answers probes with the configured status and counts them separately from calls', async () => {
    const upstream = await start();
    upstream.health = 500;
    expect((await fetch(`${upstream.url}/health`)).status).toBe(500);
    expect({ probes: upstream.probes, calls: upstream.calls }).toEqual({ probes: 1, calls: 0 });
  });

  it('refuses connections and breaks open ones after kill, and listens again on the same port', async () => {
    const upstream = await start(slow(5_000, text('late')));
    const pending = fetch(upstream.url).catch((error: unknown) => error);
    await vi.waitFor(() => expect(upstream.calls).toBe(1), PATIENT_MS);
    const before = upstream.url;
    await upstream.kill();
    expect(await pending).toBeInstanceOf(Error);
    await expect(fetch(before)).rejects.toThrow('fetch failed');
    upstream.behave(text('back'));
    await upstream.revive();
    expect(upstream.url).toBe(before);
    expect(await (await fetch(before)).text()).toBe('back');
  });

  it('counts the clients that disconnected, not the answers it broke off itself', async () => {
    const upstream = await start('hangs');
    const client = new AbortController();
    const call = fetch(upstream.url, { signal: client.signal }).catch((error: unknown) => error);
    await vi.waitFor(() => expect(upstream.calls).toBe(1), PATIENT_MS);
    client.abort();
    expect(await call).toBeInstanceOf(DOMException);
    await vi.waitFor(() => expect(upstream.aborted).toBe(1), PATIENT_MS);
    upstream.behave('resets');
    await expect(fetch(upstream.url)).rejects.toThrow('fetch failed');
    upstream.behave(text('fine'));
    await (await fetch(upstream.url)).text();
    expect(upstream.aborted).toBe(1);
  });

  it.each(faultNames)('lets no client finish when it %s', async (name) => {
    const upstream = await start(name);
    const call = fetch(upstream.url, { signal: AbortSignal.timeout(400) }).then((answer) => answer.text());
    await expect(call).rejects.toThrow(/terminated|fetch failed|timeout/);
  });
});
