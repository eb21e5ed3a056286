import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Behaviour, startFakeUpstream, text } from '../../test/fakes/fake-upstream.js';
import { MemoryBudget } from './memory-budget.js';
import type { OpenAnswer } from './open-answer.js';
import { type UpstreamCall, UpstreamClient } from './upstream-client.js';
import { UpstreamGuard } from './upstream-guard.js';

const patient = { connectMs: 2_000, firstByteMs: 1_000, idleMs: 1_000, totalMs: 10_000 };

async function open(
  behaviour: Behaviour,
  timeouts: Partial<UpstreamCall['timeouts']> = {},
  signal: AbortSignal | null = null,
  budget = new MemoryBudget(Infinity),
): Promise<OpenAnswer> {
  const upstream = await startFakeUpstream(behaviour);
  const guard = new UpstreamGuard({ allowCidrs: [], denyCidrs: [], allowLoopback: true });
  const client = new UpstreamClient(guard, { maxResponseBytes: 1_000_000 }, budget);
  onTestFinished(async () => {
    client.abort();
    await upstream.close();
  });
  const call = {
    method: 'POST',
    origin: upstream.url,
    path: '/',
    headers: {},
    body: '{}',
    timeouts: { ...patient, ...timeouts },
  } as const;
  return client.open(call, signal);
}

const inPieces =
  (pieces: readonly string[], everyMs: number): Behaviour =>
  async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of pieces) {
      response.write(piece);
      await sleep(everyMs);
    }
    response.end();
  };

async function collect(answer: OpenAnswer): Promise<string[]> {
  const pieces: string[] = [];
  await answer.pipeTo({ chunk: (chunk) => pieces.push(chunk.toString()) > 0 });
  return pieces;
}

describe('an opened answer', () => {
  it('resolves with its first chunk, and passes chunk by chunk', async () => {
    const answer = await open(inPieces(['one ', 'two ', 'three'], 30));
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/event-stream']);
    await sleep(50);
    expect((await collect(answer)).join('')).toBe('one two three');
  });

  it('resolves without a body, too, and can be read whole', async () => {
    expect((await (await open(text('', 204))).readAll()).length).toBe(0);
    expect((await (await open(text('all of it'))).readAll()).toString()).toBe('all of it');
  });

  it('waits for a slow consumer, without buffering, and without an idle timeout', async () => {
    const answer = await open('never_stops', { idleMs: 100, totalMs: 2_500 });
    let taken = 0;
    const done = answer.pipeTo({
      chunk: (chunk) => {
        taken += chunk.length;
        return false;
      },
    });
    done.catch(() => {});
    const before = process.memoryUsage().rss;
    await sleep(1_500);
    // Only data in transit when the flow stops, far less than a second of loopback would bring.
    expect(taken).toBeLessThan(1_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
    answer.resume();
    await expect(done).rejects.toMatchObject({ kind: 'total_timeout' });
  });

  it('fails before it resolves if it never begins, so that another worker can be tried', async () => {
    await expect(open('hangs', { firstByteMs: 100 })).rejects.toMatchObject({
      kind: 'first_byte_timeout',
    });
    await expect(open('closes')).rejects.toMatchObject({ kind: 'closed_before_answer' });
    const headersOnly: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      setTimeout(() => response.socket?.destroy(), 50);
    };
    await expect(open(headersOnly)).rejects.toMatchObject({
      kind: 'closed_before_answer',
    });
  });

  it('fails for its consumer if it is silent, breaks off or is too large', async () => {
    const silent = await open('hangs_after_headers', { idleMs: 100 });
    await expect(collect(silent)).rejects.toMatchObject({ kind: 'idle_timeout' });
    const broken = await open('closes_mid_chunks');
    await expect(collect(broken)).rejects.toMatchObject({ kind: 'broken' });
    const large = await open((response) => response.end('x'.repeat(2_000_000)));
    await expect(large.readAll()).rejects.toMatchObject({ kind: 'too_large' });
  });

  it('ends when its client disconnects', async () => {
    const disconnect = new AbortController();
    const answer = await open('drips', {}, disconnect.signal);
    const done = collect(answer);
    setTimeout(() => disconnect.abort(), 50);
    await expect(done).rejects.toMatchObject({ kind: 'aborted' });
  });
});

it('an opened answer is counted while it is read whole after all, and refused where it does not fit', async () => {
  const large = text('a'.repeat(500_000));
  const budget = new MemoryBudget(200_000);
  await expect((await open(large, {}, null, budget)).readAll()).rejects.toMatchObject({ kind: 'no_memory' });
  expect(budget.heldBytes).toBe(0);
  expect((await (await open(large)).readAll()).length).toBe(500_000);
});
