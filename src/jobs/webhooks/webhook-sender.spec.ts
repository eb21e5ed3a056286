import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { TUNING } from '../../config/tuning.js';
import { webhookKey } from '../../config/job-settings.js';
import { signWebhook } from './webhook-sender.js';

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;

describe('a webhook', () => {
  it("is verified by OpenAI's client", async () => {
    const key = webhookKey(SECRET);
    expect(key).toHaveLength(32);
    const body = JSON.stringify({ type: 'job.succeeded', data: { prompt: 'ä' } });
    const headers = signWebhook(key ?? Buffer.alloc(0), 'job_1', Math.floor(Date.now() / 1000), body);
    const client = new OpenAI({ apiKey: 'none', webhookSecret: SECRET });
    await expect(client.webhooks.unwrap(body, headers)).resolves.toMatchObject({ type: 'job.succeeded' });
    await expect(client.webhooks.unwrap(`${body} `, headers)).rejects.toThrow(/signature/);
  });

  it('has a secret of 24 to 64 bytes', () => {
    const secretOf = (bytes: number) => `whsec_${Buffer.alloc(bytes).toString('base64')}`;
    expect([23, 24, 64, 65].map((bytes) => webhookKey(secretOf(bytes))?.length ?? null)).toEqual([
      null,
      24,
      64,
      null,
    ]);
    expect(webhookKey(Buffer.alloc(32).toString('base64'))).toBeNull();
  });

  it('is tried six times within 8 hours', () => {
    const pauses = TUNING.webhooks.pausesMs;
    expect(pauses).toHaveLength(5);
    expect(pauses.reduce((sum, ms) => sum + ms)).toBeLessThan(8 * 3_600_000);
  });
});
