import { randomBytes } from 'node:crypto';
import OpenAI from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inTurn, startFakeUpstream, text, type Answer } from '../fakes/fake-upstream.js';
import { serviceForTest, type TestService } from '../service.js';
import { until } from '../until.js';

const WEBHOOK_SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const QUICK = { tuning: { webhooks: { tickMs: 50, pausesMs: [100, 100, 100, 100, 100] } } };

/** Three hops: a receiver that is called when a job ends. */
async function world(answer: Answer) {
  const receiver = await startFakeUpstream(answer);
  onTestFinished(() => receiver.close());
  const service = await serviceForTest({ WEBHOOK_SECRET, ...QUICK });
  await service.register({
    model_name: 'painter',
    task: 'image',
    req_url_template: 'http://127.0.0.1:9/paint',
    body: { prompt: '{USER_PROMPT}' },
  });
  const [worker] = await service.database.query<{ id: string }>('SELECT id FROM worker');
  await service.post(`/api/v1/workers/${worker?.id}/disable`, {});
  return { service, receiver };
}

async function endedJob(service: TestService, webhookUrl: string): Promise<string> {
  const made = await service.post('/api/v1/jobs', {
    model: 'painter',
    prompt: 'a cat',
    webhook_url: webhookUrl,
  });
  expect(made.status).toBe(202);
  const { id } = made.json as { id: string };
  await fetch(`${service.url}/api/v1/jobs/${id}`, { method: 'DELETE' });
  return id;
}

async function rowOf(service: TestService) {
  const [row] = await service.database.query<{
    tries: number;
    delivered: boolean;
    due_at: Date | null;
    last_status: number | null;
    last_error: string;
  }>('SELECT tries, delivered, due_at, last_status, last_error FROM job_webhook');
  return row;
}

describe('a webhook of a job', () => {
  it("reports its end, and OpenAI's client verifies it", async () => {
    const { service, receiver } = await world(text('thanks'));
    const id = await endedJob(service, `${receiver.url}/hooks?from=mmm`);
    await until(() => receiver.calls === 1);
    const [call] = receiver.requests;
    expect(call?.url).toBe('/hooks?from=mmm');
    expect(call?.headers['webhook-id']).toBe(`job_${id}_cancelled`);
    const client = new OpenAI({ apiKey: 'none', webhookSecret: WEBHOOK_SECRET });
    const headers = call?.headers as Record<string, string>;
    const event: unknown = await client.webhooks.unwrap(call?.body ?? '', headers);
    expect(event).toMatchObject({ type: 'job.cancelled', data: { id, object: 'job', status: 'cancelled' } });
    await until(async () => (await rowOf(service))?.delivered === true);
    expect(await rowOf(service)).toMatchObject({ tries: 1, due_at: null, last_status: 200, last_error: '' });
  });

  it('is sent again, the same, until the receiver takes it', async () => {
    const { service, receiver } = await world(
      inTurn(text('', 500), 'closes', text('', 302, { location: '/elsewhere' }), text('')),
    );
    await endedJob(service, receiver.url);
    await until(async () => (await rowOf(service))?.delivered === true);
    expect(receiver.calls).toBe(4);
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(1);
    expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(receiver.requests.map(({ url }) => url)).toEqual(['/', '/', '/', '/']);
  });

  it('is given up after six tries, and a DBA sees why', async () => {
    const { service, receiver } = await world(text('', 503));
    await endedJob(service, receiver.url);
    await until(async () => (await rowOf(service))?.due_at === null);
    expect(await rowOf(service)).toMatchObject({
      tries: 6,
      delivered: false,
      last_status: 503,
      last_error: 'the receiver answered 503',
    });
    expect(receiver.calls).toBe(6);

    receiver.behave(text('better now'));
    await service.database.query('UPDATE job_webhook SET due_at = now(), ended_at = NULL');
    await until(async () => (await rowOf(service))?.delivered === true);
    expect(receiver.calls).toBe(7);
  });

  it('may have a URL with any characters, which is called as URLs are written', async () => {
    const { service, receiver } = await world(text('thanks'));
    await endedJob(service, `${receiver.url}/a\0 b`);
    await until(() => receiver.calls === 1);
    expect(receiver.requests[0]?.url).toBe('/a%00%20b');
  });

  it('is refused where the guard forbids its target, and where nothing signs it', async () => {
    const guarded = await serviceForTest({ WEBHOOK_SECRET });
    const unsigned = await serviceForTest();
    const request = (service: TestService, webhook_url: string) =>
      service.post('/api/v1/jobs', { model: 'm', prompt: 'x', webhook_url });
    const metadata = await request(guarded, 'http://169.254.169.254/latest');
    expect(metadata.status).toBe(400);
    expect(metadata.text).toContain('webhook_url: leads where this service may not call');
    const itself = await request(guarded, `${guarded.url}/api/v1/workers`);
    expect([itself.status, itself.text]).toEqual([
      400,
      expect.stringContaining('webhook_url: is the address of this service'),
    ]);
    expect((await request(guarded, 'ftp://receiver.example/')).status).toBe(400);
    expect((await request(unsigned, 'https://receiver.example/')).text).toContain('WEBHOOK_SECRET');
  });
});
