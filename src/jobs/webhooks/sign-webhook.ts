import { createHmac } from 'node:crypto';

/** The headers by which a receiver knows the message, its time and its sender [Standard Webhooks, Signature scheme]. */
export function signWebhook(
  key: Buffer,
  id: string,
  timestampS: number,
  body: string,
): Record<string, string> {
  const signature = createHmac('sha256', key).update(`${id}.${timestampS}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': `v1,${signature}`,
  };
}
