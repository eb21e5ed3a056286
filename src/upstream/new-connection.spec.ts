import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type Behaviour,
  type FakeUpstream,
  startFakeUpstream,
  text,
} from '../../test/fakes/fake-upstream.js';
import { UpstreamClient, type UpstreamCall } from './upstream-client.js';
import type { UpstreamError } from './failure.js';
import { UpstreamGuard } from './upstream-guard.js';

const guard = new UpstreamGuard({ allowCidrs: [], denyCidrs: [], allowLoopback: true });

async function start(behaviour: Behaviour): Promise<{ upstream: FakeUpstream; client: UpstreamClient }> {
  const upstream = await startFakeUpstream(behaviour);
  const client = new UpstreamClient(guard, { maxResponseBytes: 1024 });
  onTestFinished(async () => {
    await client.close();
    await upstream.close();
  });
  return { upstream, client };
}

const callTo = ({ url }: FakeUpstream, given: Partial<UpstreamCall> = {}): UpstreamCall => ({
  method: 'POST',
  origin: url,
  path: '/',
  headers: {},
  body: 'hello',
  timeouts: { connectMs: 2_000, firstByteMs: null, idleMs: null, totalMs: 10_000 },
  ...given,
});

const failure = (answer: Promise<unknown>): Promise<UpstreamError> =>
  answer.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error as UpstreamError,
  );

describe.each(['closes', 'resets'] as const)('a server that %s instead of answering', (fault) => {
  it('does so on a new connection', async () => {
    const { upstream, client } = await start(fault);
    const calls = Array.from({ length: 20 }, () => failure(client.send(callTo(upstream), null)));
    const kinds = (await Promise.all(calls)).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['closed_before_answer']));
  });

  it.each(['POST', 'GET'] as const)(
    'is retried on a connection that had served before (%s)',
    async (method) => {
      const { upstream, client } = await start(text('ok'));
      const call = callTo(upstream, { method, body: method === 'GET' ? null : 'hello' });
      await client.send(call, null);
      await sleep(50); // until the connection is seen to be free
      upstream.behave(fault);
      expect(await failure(client.send(call, null))).toMatchObject({ kind: 'stale_connection' });
      expect(upstream.calls).toBe(2);
    },
  );
});

describe('a call that requires a new connection', () => {
  it('gets a new one, which no other call uses after it', async () => {
    const sockets = new Set<unknown>();
    const { upstream, client } = await start((response, request) => {
      sockets.add(response.socket);
      text('ok')(response, request);
    });
    await client.send(callTo(upstream), null);
    for (let i = 0; i < 3; i++) await client.send(callTo(upstream, { freshConnection: true }), null);
    expect(sockets.size).toBe(4);
    await sleep(50);
    await client.send(callTo(upstream), null);
    expect(sockets.size).toBe(4);
  });
});
