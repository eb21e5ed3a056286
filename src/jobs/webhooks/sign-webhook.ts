import { createHmac } from 'node:crypto';

/** Standard Webhooks: a key of 24 to 64 bytes [github.com/standard-webhooks/standard-webhooks, Signature scheme]. */
const SECRET = /^whsec_([A-Za-z0-9+/]{32,88}={0,2})$/;
const FEWEST_BYTES = 24;
const MOST_BYTES = 64;

/** The key of a secret `whsec_…`; `null`: it is none. */
export function webhookKey(secret: string): Buffer | null {
  const base64 = SECRET.exec(secret)?.[1];
  if (base64 === undefined) return null;
  const key = Buffer.from(base64, 'base64');
  return key.length >= FEWEST_BYTES && key.length <= MOST_BYTES ? key : null;
}

/** The headers by which a receiver knows the message, its time and its sender. */
export function signWebhook(
  key: Buffer,
  id: string,
  timestampS: number,
  body: string,
): {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
} {
  const signature = createHmac('sha256', key).update(`${id}.${timestampS}.${body}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampS),
    'webhook-signature': `v1,${signature}`,
  };
}

/** After the first try at once: 5 s, 5 min, 30 min, 2 h, 5 h [Standard Webhooks, Deliverability]. */
const PAUSES_S = [5, 300, 1_800, 7_200, 18_000] as const;

/** The pause before the next try, in seconds; `null`: that was the last. @param tries made so far */
export function nextTryInS(tries: number): number | null {
  return PAUSES_S[tries - 1] ?? null;
}
