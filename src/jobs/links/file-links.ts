import { createHmac, timingSafeEqual } from 'node:crypto';
import { filePath } from '../job-view.js';

/** The parameters of a link that opens one file without a key. */
export interface LinkParameters {
  /** Seconds since 1970. */
  readonly expires: string;
  readonly signature: string;
}

/** Path and query of a link to a file, that works until `expiresS` without a key. */
export function signedFilePath(key: Buffer, id: string, number: number, expiresS: number): string {
  const signature = signatureOf(key, id, number, String(expiresS)).toString('base64url');
  return `${filePath(id, number)}?expires=${expiresS}&signature=${signature}`;
}

/** In constant time. */
export function isValidLink(
  key: Buffer,
  id: string,
  number: number,
  { expires, signature }: LinkParameters,
  nowMs: number,
): boolean {
  if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1000 <= nowMs) return false;
  const expected = signatureOf(key, id, number, expires);
  const given = Buffer.from(signature, 'base64url');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function signatureOf(key: Buffer, id: string, number: number, expires: string): Buffer {
  return createHmac('sha256', key)
    .update(`${filePath(id, number)}\n${expires}`)
    .digest();
}
