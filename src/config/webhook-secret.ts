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
